import { describe, expect, it } from "vitest";
import { useBench } from "./bench.ts";
import { largeBehindCdnRows, signedAddressRows, smallBehindCdnRows } from "./blob-rows.ts";
import { promiseOf, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, largeBytes, smallBytes } from "./targets.ts";

const bench = useBench({
  upstream: { redirect: { signature: "single-use" } },
  settings: { redirects: { allowPrivate: true } },
});

describe.each([
  { what: "a large blob", rows: [...largeBehindCdnRows, ...signedAddressRows], size: largeBytes },
  { what: "a small blob", rows: smallBehindCdnRows, size: smallBytes },
])("$what behind a CDN", ({ rows, size }) => {
  it.each(rows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), blobOf(size), row);
    expect(bench().upstream.cdn.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });
});
