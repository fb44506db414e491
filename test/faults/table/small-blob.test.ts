import { describe, it } from "vitest";
import { useBench } from "./bench.ts";
import { smallBlobRows } from "./blob-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, smallBytes } from "./targets.ts";

const bench = useBench();

describe("a small blob", () => {
  it.each(smallBlobRows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), blobOf(smallBytes), row);
  });
});
