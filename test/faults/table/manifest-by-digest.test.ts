import { describe, it } from "vitest";
import { useBench } from "./bench.ts";
import { manifestByDigestRows } from "./manifest-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { manifestByDigest } from "./targets.ts";

const bench = useBench();

describe("a manifest by digest", () => {
  it.each(manifestByDigestRows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), manifestByDigest, row);
  });
});
