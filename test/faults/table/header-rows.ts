import { expect } from "vitest";
import { temperaments as t } from "../../upstream/index.ts";
import { always, attempts, givenUp, refused, served, type Row } from "./row.ts";

const inAnHour = new Date(Date.now() + 3_600_000);
const aboutAnHour = expect.stringMatching(/^3[56]\d\d$/) as string;
const gatewayPage = "<html><title>504 Gateway Time-out</title></html>";

/** Whatever is asked for: what goes wrong before the upstream's body is a status of ours, and nothing is kept. */
export function headerRows(absentCode: "MANIFEST_UNKNOWN" | "BLOB_UNKNOWN"): Row[] {
  const nonsense = refused(502, "UNAVAILABLE", 1);
  const failure = givenUp(502, "UNAVAILABLE");
  return [
    { upstream: "is good", fault: [], expected: served(1) },
    { upstream: "takes its time before the header", fault: always(t.delay(100)), expected: served(1) },
    { upstream: "is silent before the header", fault: always(t.silent()), expected: refused(504, "UNAVAILABLE", 1) },
    { upstream: "refuses connections", fault: "refused", expected: refused(502, "UNAVAILABLE", 0) },
    { upstream: "resets connections", fault: "reset", expected: refused(502, "UNAVAILABLE", 0) },
    { upstream: "accepts connections and is silent", fault: "silent", expected: refused(504, "UNAVAILABLE", 0) },
    { upstream: "resets the connection instead of answering", fault: always(t.reset()), expected: failure },
    { upstream: "sends garbage instead of HTTP", fault: always(t.garbage()), expected: nonsense },
    { upstream: "sends an endless header", fault: always(t.garbage(endlessHeader())), expected: nonsense },
    {
      upstream: "answers 401 whatever it is sent",
      fault: always(t.challengeLoop()),
      expected: refused(403, "DENIED", 1),
      behindCdn: { status: 502, code: "UNAVAILABLE" },
    },
    {
      upstream: "answers 401 without a challenge",
      fault: always(t.unauthorized()),
      expected: refused(403, "DENIED", 1),
      behindCdn: { status: 502, code: "UNAVAILABLE" },
    },
    {
      upstream: "answers 403",
      fault: always(t.denied()),
      expected: refused(403, "DENIED", 1),
      // Each time with a new address: the old one might have expired.
      behindCdn: { status: 502, code: "UNAVAILABLE", upstreamRequests: 2 * attempts },
    },
    {
      upstream: "answers 404",
      fault: always(t.status(404, "{}", "application/json")),
      expected: refused(404, absentCode, 1),
      isRemembered: true,
    },
    {
      upstream: "answers 429 with Retry-After in seconds",
      fault: always(t.rateLimited(7)),
      expected: refused(503, "TOOMANYREQUESTS", 1, { retryAfter: "7" }),
      sparedForMs: 7000,
    },
    {
      upstream: "answers 429 with Retry-After as a date",
      fault: always(t.rateLimited(inAnHour)),
      expected: refused(503, "TOOMANYREQUESTS", 1, { retryAfter: aboutAnHour }),
      sparedForMs: 3_600_000,
    },
    {
      upstream: "answers 429 without Retry-After",
      fault: always(t.rateLimited()),
      expected: refused(503, "TOOMANYREQUESTS", 1, { retryAfter: "60" }),
      sparedForMs: 5000,
    },
    { upstream: "answers 500", fault: always(t.status(500, "oops")), expected: failure },
    { upstream: "answers 502", fault: always(t.status(502)), expected: failure },
    {
      upstream: "answers 503 with Retry-After",
      fault: always(t.status(503, "", "text/plain", { "retry-after": "9" })),
      expected: { ...nonsense, retryAfter: "9" },
    },
    {
      upstream: "answers 504 with a page of its gateway",
      fault: always(t.status(504, gatewayPage, "text/html")),
      expected: failure,
    },
    { upstream: "answers 204", fault: always(t.status(204)), expected: nonsense },
    { upstream: "answers 206 though no Range was asked for", fault: always(t.status(206, "part")), expected: nonsense },
    { upstream: "answers with a web page", fault: always(t.htmlPage()), expected: nonsense },
    {
      upstream: "redirects to itself for ever",
      fault: always(t.redirectLoop()),
      expected: refused(502, "UNAVAILABLE", 6),
      behindCdn: { upstreamRequests: 6 },
    },
    {
      upstream: "redirects to nowhere",
      fault: always(t.status(307, "")),
      expected: nonsense,
    },
    {
      upstream: "redirects to a file",
      fault: always(t.redirectTo("file:///etc/passwd")),
      expected: nonsense,
    },
    { upstream: "compresses its answer", fault: always(t.gzip()), expected: nonsense },
    { upstream: "sends no digest header", fault: always(t.noDigest()), expected: served(1) },
    { upstream: "sends no Content-Type", fault: always(t.noContentType()), expected: served(1) },
    { upstream: "sends a generic Content-Type", fault: always(t.wrongContentType()), expected: served(1) },
  ];
}

/** Without `redirects.allowPrivate` nothing on our own network can be reached through an upstream. */
export const privateRedirectRows: Row[] = [
  "http://127.0.0.1:9/",
  "http://localhost:9/",
  "http://[::1]:9/",
  "http://[::ffff:10.0.0.1]/",
  "http://10.0.0.1/",
  "http://169.254.169.254/latest/meta-data/",
].map((address) => ({
  upstream: `redirects to ${address}`,
  fault: always(t.redirectTo(address)),
  expected: refused(502, "UNAVAILABLE", 1),
}));

function endlessHeader(): string {
  return `HTTP/1.1 200 OK\r\nX-Padding: ${"x".repeat(1024 * 1024)}`;
}
