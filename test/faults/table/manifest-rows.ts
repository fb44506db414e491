import { temperaments as t } from "../../upstream/index.ts";
import { headerRows, privateRedirectRows } from "./header-rows.ts";
import { always, givenUp, refused, served, type Expected, type Row } from "./row.ts";

const nonsense = refused(502, "UNAVAILABLE", 1);
const failure = givenUp(502, "UNAVAILABLE");
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Manifests are small, and are asked for once: whatever goes wrong is a status. */
const bodyRows: Row[] = [
  { upstream: "is slow", fault: always(t.slow(4000)), expected: served(1) },
  { upstream: "stalls in the middle", fault: always(t.stall(100)), expected: refused(504, "UNAVAILABLE", 1) },
  { upstream: "stalls before the first byte", fault: always(t.stall(0)), expected: refused(504, "UNAVAILABLE", 1) },
  { upstream: "ends in the middle with FIN", fault: always(t.truncate(100, "fin")), expected: failure },
  { upstream: "ends in the middle with RST", fault: always(t.truncate(100, "rst")), expected: failure },
  { upstream: "ends before the last byte", fault: always(t.truncate(-1, "fin")), expected: failure },
  { upstream: "sends bytes behind the end", fault: always(t.extraBytes()), expected: served(1) },
  { upstream: "states a length that is too long", fault: always(t.wrongLength(10)), expected: failure },
  { upstream: "states a length that is too short", fault: always(t.wrongLength(-10)), expected: nonsense },
  { upstream: "states no length", fault: always(t.noLength()), expected: served(1) },
  {
    upstream: "states no length and ends too early",
    fault: always(t.noLength(), t.truncate(100, "fin")),
    expected: nonsense,
  },
  { upstream: "sends a chunked body", fault: always(t.chunked()), expected: served(1) },
  { upstream: "breaks off a chunked body", fault: always(t.chunked(), t.truncate(100, "fin")), expected: failure },
  { upstream: "sends an endless body", fault: always(t.endless()), expected: nonsense },
  { upstream: "sends an empty body", fault: always(t.otherBody("")), expected: nonsense },
  { upstream: "sends another JSON document", fault: always(t.otherBody('{"schemaVersion":2}')), expected: nonsense },
  { upstream: "sends JSON that is no object", fault: always(t.otherBody("null")), expected: nonsense },
  { upstream: "spoils the first byte", fault: always(t.wrongByte(0)), expected: nonsense },
  { upstream: "spoils a byte in the middle", fault: always(t.wrongByte(100)), expected: nonsense },
  {
    upstream: "sends a manifest as an image index",
    fault: always(t.wrongContentType("application/vnd.oci.image.index.v1+json")),
    expected: nonsense,
  },
  {
    upstream: "sends parameters with the Content-Type",
    fault: always(t.wrongContentType(`${manifestType}; charset=utf-8`)),
    expected: served(1),
  },
];

const rows: Row[] = [...headerRows("MANIFEST_UNKNOWN"), ...privateRedirectRows, ...bodyRows];

/** The digest asked for is what counts, not what a header says. */
export const manifestByDigestRows: Row[] = [
  ...rows,
  { upstream: "sends another digest header", fault: always(t.wrongDigest()), expected: served(1) },
];

/** Nothing but the upstream's own header says what a tag's bytes must hash to: the two must agree. */
export const manifestByTagRows: Row[] = [
  ...rows,
  { upstream: "sends another digest header", fault: always(t.wrongDigest()), expected: nonsense },
  {
    upstream: "sends a digest header that is no digest",
    fault: always(t.wrongDigest("md5:0")),
    expected: served(1),
  },
];

function stale(detail: string, upstreamRequests: number): Expected {
  return {
    status: 200,
    body: "right",
    cacheStatus: `entrepot; hit; detail=stale-upstream-${detail}`,
    onDisk: "stored",
    inIndex: "present",
    upstreamRequests,
  };
}

/** The tag still names what is stored. */
const confirmed: Expected = { ...stale("", 1), cacheStatus: "entrepot; hit" };

/** A tag that was pulled and has expired: checked by HEAD, served stale where the upstream cannot be asked. */
export const expiredTagRows: Row[] = [
  { upstream: "is good", fault: [], expected: confirmed },
  { upstream: "is silent before the header", fault: always(t.silent()), expected: stale("timeout", 1) },
  { upstream: "refuses connections", fault: "refused", expected: stale("unreachable", 0) },
  { upstream: "resets connections", fault: "reset", expected: stale("unreachable", 0) },
  { upstream: "accepts connections and is silent", fault: "silent", expected: stale("timeout", 0) },
  {
    upstream: "resets the connection instead of answering",
    fault: always(t.reset()),
    expected: stale("unreachable", 1),
  },
  { upstream: "sends garbage instead of HTTP", fault: always(t.garbage()), expected: stale("error", 1) },
  { upstream: "answers 500", fault: always(t.status(500)), expected: stale("error", 1) },
  { upstream: "answers 503", fault: always(t.status(503)), expected: stale("error", 1) },
  { upstream: "answers 429", fault: always(t.rateLimited(7)), expected: stale("rate-limited", 1), sparedForMs: 7000 },
  { upstream: "answers with a web page", fault: always(t.htmlPage()), expected: stale("error", 1) },
  { upstream: "redirects to itself for ever", fault: always(t.redirectLoop()), expected: stale("error", 6) },
  {
    upstream: "answers 403 with a registry's body",
    fault: always(t.denied()),
    expected: refused(403, "DENIED", 2, { onDisk: "stored", inIndex: "present" }),
  },
  {
    upstream: "answers 401 with a registry's body",
    fault: always(t.unauthorized()),
    expected: refused(403, "DENIED", 2, { onDisk: "stored", inIndex: "present" }),
  },
  {
    upstream: "answers 403 with a web page",
    fault: always(t.status(403, "<p>no", "text/html")),
    expected: stale("denied", 2),
  },
  {
    upstream: "answers 404 for the first time",
    fault: always(t.status(404)),
    expected: stale("gone", 1),
    isRemembered: true,
  },
  {
    upstream: "answers HEAD with 405",
    fault: [{ method: "HEAD", temperament: t.status(405) }],
    expected: served(2),
  },
  {
    upstream: "answers HEAD with 501",
    fault: [{ method: "HEAD", temperament: t.status(501) }],
    expected: served(2),
  },
  { upstream: "sends no digest header", fault: always(t.noDigest()), expected: served(2) },
  {
    upstream: "names a digest that it does not have",
    fault: always(t.wrongDigest()),
    expected: stale("error", 3),
  },
  {
    upstream: "names another digest than its bytes have",
    fault: [{ method: "HEAD", temperament: t.noDigest() }, { temperament: t.wrongByte(100) }],
    expected: stale("error", 2),
  },
];
