import { temperaments as t } from "../../upstream/index.ts";
import { headerRows, privateRedirectRows } from "./header-rows.ts";
import { always, attempts, endedShort, once, onceThen, refused, served, type Expected, type Row } from "./row.ts";
import { largeBytes, smallBytes } from "./targets.ts";

/** Less than 1 MiB: not enough to count as progress between two attempts. */
const someBytes = 500_000;

/** The registry itself says that there is nothing behind the end. */
const unsatisfied: Pick<Row, "behindCdn"> = { behindCdn: { upstreamRequests: 3 } };

/** What is the same for all blobs: a body that breaks off is resumed, headers that do not matter are not believed. */
function resumedRows(size: number): Row[] {
  const half = size / 2;
  return [
    { upstream: "stalls once", fault: once(t.stall(half)), expected: served(2) },
    { upstream: "stalls once before the first byte", fault: once(t.stall(0)), expected: served(2) },
    { upstream: "ends once with FIN", fault: once(t.truncate(half, "fin")), expected: served(2) },
    { upstream: "ends once with RST", fault: once(t.truncate(half, "rst")), expected: served(2) },
    { upstream: "ends once before the last byte", fault: once(t.truncate(-1, "fin")), expected: served(2) },
    { upstream: "ends once with RST before the first byte", fault: once(t.truncate(0, "rst")), expected: served(2) },
    {
      upstream: "breaks off a chunked body once",
      fault: once(t.chunked(), t.truncate(half, "fin")),
      expected: served(2),
    },
    {
      upstream: "ends once and then ignores Range",
      fault: onceThen(t.truncate(half), t.ignoresRange()),
      expected: served(2),
    },
    {
      upstream: "ends once and then answers 503 once",
      fault: [...once(t.truncate(half)), ...once(t.status(503))],
      expected: served(3),
    },
    { upstream: "states no length", fault: always(t.noLength()), expected: served(1) },
    { upstream: "sends a chunked body", fault: always(t.chunked()), expected: served(1) },
    { upstream: "sends another digest header", fault: always(t.wrongDigest()), expected: served(1) },
    { upstream: "sends bytes behind the end", fault: always(t.extraBytes()), expected: served(1) },
  ];
}

/** Above 1 MiB the header is out: what cannot be resumed ends short. */
function largeRows(): Row[] {
  const spoiled: Expected = endedShort(1, { body: "spoiled", onDisk: "nothing" });
  return [
    { upstream: "is slow", fault: always(t.slow(10_000_000)), expected: served(1) },
    { upstream: "stalls at every attempt", fault: always(t.stall(100_000)), expected: endedShort(3) },
    { upstream: "ends every attempt with FIN", fault: always(t.truncate(100_000, "fin")), expected: endedShort(3) },
    {
      upstream: "is silent at every further attempt",
      fault: onceThen(t.truncate(someBytes), t.silent()),
      expected: endedShort(3),
    },
    {
      upstream: "ends once and then answers 404",
      fault: onceThen(t.truncate(someBytes), t.status(404)),
      expected: endedShort(2),
    },
    {
      upstream: "ends once and then answers 403",
      fault: onceThen(t.truncate(someBytes), t.denied()),
      expected: endedShort(2),
      behindCdn: { upstreamRequests: 6 },
    },
    {
      upstream: "ends once and then limits the rate for an hour",
      fault: onceThen(t.truncate(someBytes), t.rateLimited(3600)),
      expected: endedShort(2),
      sparedForMs: 3_600_000,
    },
    {
      upstream: "ends once and then sends another Content-Range once",
      fault: [...once(t.truncate(someBytes)), ...once(t.wrongContentRange())],
      expected: served(3),
    },
    {
      upstream: "ends once and then sends another Content-Range for ever",
      fault: onceThen(t.truncate(someBytes), t.wrongContentRange()),
      expected: endedShort(3, { onDisk: "nothing" }),
    },
    {
      upstream: "ends once and then states another length",
      fault: onceThen(t.truncate(someBytes), t.wrongContentRange(`bytes ${someBytes}-${largeBytes}/${largeBytes + 1}`)),
      expected: endedShort(3, { onDisk: "nothing" }),
    },
    {
      upstream: "ends once and then answers with a web page",
      fault: onceThen(t.truncate(someBytes), t.htmlPage()),
      expected: endedShort(3, { onDisk: "nothing" }),
    },
    {
      upstream: "states a length that is too long, ends, and then states the right one",
      fault: once(t.wrongLength(10), t.truncate(someBytes)),
      expected: endedShort(3, { onDisk: "nothing" }),
    },
    { upstream: "spoils the first byte", fault: always(t.wrongByte(0)), expected: spoiled },
    { upstream: "spoils a byte in the middle", fault: always(t.wrongByte(largeBytes / 2)), expected: spoiled },
    {
      upstream: "spoils the last byte",
      fault: always(t.wrongByte(largeBytes - 1)),
      expected: { ...spoiled, body: "short" },
    },
    {
      upstream: "spoils a byte after it has been resumed",
      fault: onceThen(t.truncate(someBytes), t.wrongByte(0)),
      expected: { ...spoiled, upstreamRequests: 2 },
    },
    {
      upstream: "states a length that is too long",
      fault: always(t.wrongLength(10), t.stall(largeBytes)),
      expected: endedShort(2, { onDisk: "stored", inIndex: "present" }),
      ...unsatisfied,
    },
    {
      upstream: "states a length that is too short",
      fault: always(t.wrongLength(-10)),
      expected: { ...spoiled, body: "short" },
    },
    {
      upstream: "states no length and ends too early",
      fault: always(t.noLength(), t.truncate(someBytes, "fin")),
      expected: refused(502, "UNAVAILABLE", 1),
    },
    { upstream: "sends an endless body", fault: always(t.endless()), expected: refused(403, "DENIED", 1) },
  ];
}

/** Up to 1 MiB all of it is checked before the header goes out: whatever goes wrong is a status. */
function smallRows(): Row[] {
  const nonsense = refused(502, "UNAVAILABLE", 1);
  return [
    { upstream: "is slow", fault: always(t.slow(1_000_000)), expected: served(1) },
    {
      upstream: "stalls at every attempt",
      fault: always(t.stall(1000)),
      expected: refused(504, "UNAVAILABLE", 3, { onDisk: "part" }),
    },
    {
      upstream: "ends every attempt with FIN before the first byte",
      fault: always(t.truncate(0, "fin")),
      expected: refused(502, "UNAVAILABLE", 3),
    },
    {
      upstream: "ends every attempt with RST before the first byte",
      fault: always(t.truncate(0, "rst")),
      expected: refused(502, "UNAVAILABLE", 3),
    },
    {
      upstream: "stalls once and then limits the rate for an hour",
      fault: onceThen(t.stall(1000), t.rateLimited(3600)),
      expected: refused(503, "TOOMANYREQUESTS", 2, { onDisk: "part", retryAfter: "3600" }),
      sparedForMs: 3_600_000,
    },
    {
      upstream: "stalls once and then answers 403",
      fault: onceThen(t.stall(1000), t.denied()),
      expected: refused(403, "DENIED", 2, { onDisk: "part" }),
      behindCdn: { status: 502, code: "UNAVAILABLE", upstreamRequests: 6 },
    },
    {
      upstream: "stalls once and then sends another Content-Range for ever",
      fault: onceThen(t.stall(1000), t.wrongContentRange()),
      expected: refused(502, "UNAVAILABLE", 3),
    },
    { upstream: "spoils the first byte", fault: always(t.wrongByte(0)), expected: nonsense },
    { upstream: "spoils a byte in the middle", fault: always(t.wrongByte(smallBytes / 2)), expected: nonsense },
    { upstream: "spoils the last byte", fault: always(t.wrongByte(smallBytes - 1)), expected: nonsense },
    {
      upstream: "states a length that is too long",
      fault: always(t.wrongLength(10), t.stall(smallBytes)),
      expected: served(2),
      ...unsatisfied,
    },
    { upstream: "states a length that is too short", fault: always(t.wrongLength(-10)), expected: nonsense },
    {
      upstream: "states no length and ends too early",
      fault: always(t.noLength(), t.truncate(1000, "fin")),
      expected: nonsense,
    },
    { upstream: "sends an endless body", fault: always(t.endless()), expected: refused(403, "DENIED", 1) },
    { upstream: "sends an empty body", fault: always(t.otherBody("")), expected: nonsense },
  ];
}

const headers = headerRows("BLOB_UNKNOWN");
const large = [...resumedRows(largeBytes), ...largeRows()];
const small = [...resumedRows(smallBytes), ...smallRows()];

export const largeBlobRows: Row[] = [...headers, ...privateRedirectRows, ...large];
export const smallBlobRows: Row[] = [...headers, ...small];
export const largeBehindCdnRows: Row[] = [...headers, ...large].flatMap(behindCdn);
export const smallBehindCdnRows: Row[] = small.flatMap(behindCdn);

/** What only a CDN does: twice as many requests, the redirects among them. */
export const signedAddressRows: Row[] = [
  {
    upstream: "has handed out an address that has expired",
    fault: [{ on: "cdn", temperament: t.status(403, "<Error><Code>AccessDenied</Code></Error>"), times: 1 }],
    expected: served(4),
  },
  {
    upstream: "hands out an address that expires in the middle",
    fault: [
      { on: "cdn", temperament: t.truncate(someBytes, "rst"), times: 1 },
      { on: "cdn", temperament: t.status(403, "<Error><Code>AccessDenied</Code></Error>"), times: 1 },
    ],
    expected: served(6),
  },
  {
    upstream: "hands out addresses of a host that is not there",
    fault: [{ on: "blob", temperament: t.redirectTo("http://127.0.0.1:9/blob?X-Amz-Signature=1") }],
    expected: refused(502, "UNAVAILABLE", attempts),
  },
];

/** A manifest says how long the layer is: the header goes out although the upstream does not say it. */
export const layerRows: Row[] = [
  { upstream: "is good", fault: [], expected: served(1) },
  { upstream: "states no length", fault: always(t.noLength()), expected: served(1) },
  { upstream: "sends a chunked body", fault: always(t.chunked()), expected: served(1) },
  {
    upstream: "breaks off a chunked body once",
    fault: once(t.chunked(), t.truncate(someBytes, "fin")),
    expected: served(2),
  },
  { upstream: "sends bytes behind the end", fault: always(t.extraBytes()), expected: served(1) },
  {
    upstream: "states no length and ends too early",
    fault: always(t.noLength(), t.truncate(someBytes, "fin")),
    expected: endedShort(1, { onDisk: "nothing", inIndex: "known" }),
  },
  {
    upstream: "sends an endless body",
    fault: always(t.endless()),
    expected: endedShort(1, { body: "spoiled", onDisk: "nothing", inIndex: "known" }),
  },
  {
    upstream: "states a length that is too long",
    fault: always(t.wrongLength(10), t.stall(largeBytes)),
    expected: endedShort(2, { onDisk: "stored", inIndex: "present" }),
  },
  {
    upstream: "states a length that is too short",
    fault: always(t.wrongLength(-10)),
    expected: endedShort(1, { onDisk: "nothing", inIndex: "known" }),
  },
  {
    upstream: "ends every attempt with FIN",
    fault: always(t.truncate(100_000, "fin")),
    expected: endedShort(3, { inIndex: "known" }),
  },
];

/** The same row where the registry is good and its CDN is not: every attempt begins with a fresh redirect. */
function behindCdn(row: Row): Row[] {
  if (typeof row.fault === "string") return [];
  const { upstreamRequests } = row.expected;
  return [
    {
      ...row,
      fault: row.fault.map((spoiled) => ({ ...spoiled, on: "cdn" })),
      expected: { ...row.expected, upstreamRequests: 2 * upstreamRequests, ...row.behindCdn },
    },
  ];
}
