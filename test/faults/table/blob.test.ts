import { describe, it } from "vitest";
import { useBench } from "./bench.ts";
import { largeBlobRows, layerRows } from "./blob-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, largeBytes, layerOf } from "./targets.ts";

const bench = useBench();

describe.each([
  { what: "a large blob", rows: largeBlobRows, target: blobOf(largeBytes) },
  { what: "a large layer of a stored manifest", rows: layerRows, target: layerOf(largeBytes) },
])("$what", ({ rows, target }) => {
  it.each(rows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), target, row);
  });
});
