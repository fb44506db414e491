import { describe, expect, it } from "vitest";
import { temperaments as t } from "../../upstream/index.ts";
import { useBench } from "./bench.ts";
import { always, once, onceThen, promiseOf, refused, type Expected, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, largeBytes, layerOf, smallBytes, type Target } from "./targets.ts";

/** Room for the manifests, and for no blob. */
const bench = useBench({ maxSize: "100KB" });

interface PassingRow extends Row {
  /** Bodies that passed, in the row itself and once its fault was over; 2 unless the row never had a good header. */
  passes?: number;
}

function passed(upstreamRequests: number, inIndex: Expected["inIndex"] = "none"): Expected {
  return {
    status: 200,
    body: "right",
    cacheStatus: "entrepot; fwd=miss",
    onDisk: "nothing",
    inIndex,
    upstreamRequests,
  };
}

const short: Expected = { ...passed(1), body: "short" };
const nonsense = refused(502, "UNAVAILABLE", 1);

const both = (size: number): PassingRow[] => [
  { upstream: "is good", fault: [], expected: passed(1) },
  { upstream: "sends another digest header", fault: always(t.wrongDigest()), expected: passed(1) },
  { upstream: "stalls once", fault: once(t.stall(size / 2)), expected: passed(2) },
  { upstream: "ends once with FIN", fault: once(t.truncate(size / 2, "fin")), expected: passed(2) },
  { upstream: "ends once with RST", fault: once(t.truncate(size / 2, "rst")), expected: passed(2) },
  {
    upstream: "ends once and then ignores Range",
    fault: onceThen(t.truncate(size / 2), t.ignoresRange()),
    expected: passed(2),
  },
  {
    upstream: "answers 429",
    fault: always(t.rateLimited(7)),
    expected: refused(503, "TOOMANYREQUESTS", 1, { retryAfter: "7" }),
    sparedForMs: 7000,
    passes: 1,
  },
  {
    upstream: "is silent before the header",
    fault: always(t.silent()),
    expected: refused(504, "UNAVAILABLE", 1),
    passes: 1,
  },
];

const largeRows: PassingRow[] = [
  ...both(largeBytes),
  { upstream: "stalls at every attempt", fault: always(t.stall(100_000)), expected: { ...short, upstreamRequests: 3 } },
  { upstream: "spoils the first byte", fault: always(t.wrongByte(0)), expected: { ...short, body: "spoiled" } },
  { upstream: "spoils the last byte", fault: always(t.wrongByte(largeBytes - 1)), expected: short },
  { upstream: "states a length that is too short", fault: always(t.wrongLength(-10)), expected: short },
  {
    upstream: "states a length that is too long",
    fault: always(t.wrongLength(10)),
    expected: { ...short, upstreamRequests: 2 },
  },
];

const smallRows: PassingRow[] = [
  ...both(smallBytes),
  { upstream: "stalls at every attempt", fault: always(t.stall(1000)), expected: refused(504, "UNAVAILABLE", 3) },
  { upstream: "spoils the first byte", fault: always(t.wrongByte(0)), expected: nonsense },
  { upstream: "spoils the last byte", fault: always(t.wrongByte(smallBytes - 1)), expected: nonsense },
  { upstream: "states a length that is too short", fault: always(t.wrongLength(-10)), expected: nonsense },
  {
    upstream: "states a length that is too long",
    fault: always(t.wrongLength(10)),
    expected: refused(502, "UNAVAILABLE", 2),
  },
];

/** The length comes from the manifest, where the upstream states none. */
const layerRows: PassingRow[] = [
  { upstream: "is good", fault: [], expected: passed(1, "known") },
  { upstream: "states no length", fault: always(t.noLength()), expected: passed(1, "known") },
  { upstream: "sends a chunked body", fault: always(t.chunked()), expected: passed(1, "known") },
  {
    upstream: "sends an endless body",
    fault: always(t.endless()),
    expected: { ...short, body: "spoiled", inIndex: "known" },
  },
];

const tables: { what: string; target: Target; rows: PassingRow[] }[] = [
  { what: "a large blob", target: blobOf(largeBytes), rows: largeRows },
  { what: "a small blob", target: blobOf(smallBytes), rows: smallRows },
  { what: "a large layer of a known manifest", target: layerOf(largeBytes), rows: layerRows },
];

describe.each(tables)("$what for which there is no room", ({ target, rows }) => {
  it.each(rows.map((row): [string, PassingRow] => [promiseOf(row), row]))("%s", async (_, row) => {
    const before = await bench().instance.metric("entrepot_uncached_passes_total", { reason: "budget" });
    await runRow(bench(), target, row);
    const passes = (await bench().instance.metric("entrepot_uncached_passes_total", { reason: "budget" })) - before;
    expect(passes).toBe(row.passes ?? 2);
  });
});
