import { describe, it } from "vitest";
import { useBench } from "./bench.ts";
import { expiredTagRows } from "./manifest-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { expiredTag } from "./targets.ts";

const bench = useBench();

describe("an expired tag", () => {
  it.each(expiredTagRows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), expiredTag, row);
  });
});
