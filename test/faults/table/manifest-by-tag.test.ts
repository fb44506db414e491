import { describe, it } from "vitest";
import { useBench } from "./bench.ts";
import { manifestByTagRows } from "./manifest-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { manifestByTag } from "./targets.ts";

const bench = useBench();

describe("a manifest by tag", () => {
  it.each(manifestByTagRows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), manifestByTag, row);
  });
});
