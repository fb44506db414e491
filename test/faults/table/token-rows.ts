import { readPayload, temperaments as t, type Temperament } from "../../upstream/index.ts";
import { attempts, refused, served, type Expected, type Row } from "./row.ts";

/** Refused without a token, then the token endpoint; no further request where there is no token. */
const untilToken = 2;
const nonsense = refused(502, "UNAVAILABLE", untilToken);
/** Three times: what the challenge was is known only once there is a token. */
const failure = refused(502, "UNAVAILABLE", attempts * untilToken);
const denied = refused(403, "DENIED", untilToken);

function json(document: unknown): Temperament {
  return t.otherBody(JSON.stringify(document));
}

/** The token is good, whatever is said of its life. */
function lasting(seconds: unknown): Temperament {
  return {
    name: "other life",
    reply: (reply, context) => {
      const document = JSON.parse(readPayload(reply.body).toString()) as object;
      return json({ ...document, expires_in: seconds }).reply?.(reply, context) ?? reply;
    },
  };
}

function tokenRow(upstream: string, temperament: Temperament | Temperament[], expected: Expected): Row {
  return { upstream: `${upstream} at its token endpoint`, fault: [{ on: "token", temperament }], expected };
}

/** A token endpoint that is not as it should be, asked for the sake of a manifest. */
export const tokenRows: Row[] = [
  { upstream: "asks for a token and gives it", fault: [], expected: served(3) },
  tokenRow("takes its time", t.delay(100), served(3)),
  tokenRow("is slow", t.slow(2000), served(3)),
  tokenRow("is silent", t.silent(), refused(504, "UNAVAILABLE", untilToken)),
  tokenRow("stalls", t.stall(5), refused(504, "UNAVAILABLE", untilToken)),
  tokenRow("resets the connection", t.reset(), failure),
  tokenRow("sends garbage instead of HTTP", t.garbage(), nonsense),
  tokenRow("ends in the middle with FIN", t.truncate(5, "fin"), failure),
  tokenRow("ends in the middle with RST", t.truncate(5, "rst"), failure),
  tokenRow("answers 500", t.status(500), failure),
  tokenRow("answers 503 with Retry-After", t.status(503, "", "text/plain", { "retry-after": "9" }), {
    ...nonsense,
    retryAfter: "9",
  }),
  {
    ...tokenRow("answers 429", t.rateLimited(7), refused(503, "TOOMANYREQUESTS", untilToken, { retryAfter: "7" })),
    sparedForMs: 7000,
  },
  tokenRow("answers 401", t.unauthorized(), denied),
  tokenRow("answers 403", t.denied(), denied),
  tokenRow("answers 404", t.status(404), nonsense),
  tokenRow("answers with a web page", t.htmlPage(), nonsense),
  tokenRow("answers with an empty body", t.otherBody(""), nonsense),
  tokenRow("answers with JSON that is no object", json(null), nonsense),
  tokenRow("answers without a token", json({}), nonsense),
  tokenRow("answers with an empty token", json({ token: "" }), nonsense),
  tokenRow("answers with a token that is a number", json({ token: 7 }), nonsense),
  tokenRow("answers with a token that would be two headers", json({ token: "a\r\nX-Evil: 1" }), nonsense),
  tokenRow("compresses its answer", t.gzip(), nonsense),
  tokenRow("sends an endless body", t.endless(), nonsense),
  tokenRow("redirects elsewhere", t.redirectTo("http://localhost:9/token"), nonsense),
  tokenRow("redirects to itself for ever", t.redirectLoop(), nonsense),
  ...[0, -1, 1e300, "soon", null].map((life) =>
    tokenRow(`says that its token lasts ${life} seconds`, lasting(life), served(3)),
  ),
  tokenRow("states no length", t.noLength(), served(3)),
  tokenRow("sends a chunked body", t.chunked(), served(3)),
  tokenRow("sends no Content-Type", t.noContentType(), served(3)),
  {
    upstream: "does not accept the tokens it gives",
    fault: [{ on: "manifest-digest", temperament: t.challengeLoop() }],
    expected: refused(403, "DENIED", 3),
  },
  {
    upstream: "gives tokens that nobody knows",
    fault: [{ on: "token", temperament: json({ token: "made-up" }) }],
    expected: refused(403, "DENIED", 3),
  },
  {
    upstream: "limits the rate of requests with a token",
    fault: [{ on: "manifest-digest", temperament: t.rateLimited(7) }],
    expected: refused(503, "TOOMANYREQUESTS", 3, { retryAfter: "7" }),
    sparedForMs: 7000,
  },
];

/** Realms that must get nothing, neither a request nor a credential. `PORT` is that of a listener of the test. */
export const hostileRealms: { realm: string; why: string }[] = [
  { realm: "http://localhost:PORT/token", why: "on another host" },
  { realm: "http://[::1]:PORT/token", why: "on a loopback address" },
  { realm: "https://127.0.0.2:PORT/token", why: "on another address" },
  { realm: "http://puller@127.0.0.1:PORT/token", why: "with user information" },
  { realm: "http://169.254.169.254/latest/meta-data/", why: "at the metadata of a cloud" },
  { realm: "file:///etc/passwd", why: "that is a file" },
  { realm: "/token", why: "without a host" },
  { realm: "nonsense", why: "that is no URL" },
];
