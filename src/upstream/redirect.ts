import { discard, headerOf, type Answer } from "./answer.ts";
import { ForbiddenAddress } from "./connection/connector.ts";
import { UpstreamError } from "./errors.ts";
import type { Exchange, Transport } from "./connection/transport.ts";

const maxRedirects = 5;
const redirectStatuses = [301, 302, 303, 307, 308];

export interface RedirectPolicy {
  upstream: string;
  /** Origins written in the configuration; they may have private addresses. */
  configuredOrigins: ReadonlySet<string>;
  allowPrivateRedirects: boolean;
}

export type FirstExchange = Omit<Exchange, "isGuarded"> & {
  authorization: string | undefined;
  /** Sent to the first origin alone. */
  homeHeaders?: Record<string, string>;
};

/**
 * Sends a request and follows its redirects: at most 5, never from https to http, on other origins without any
 * credential (RFC 9110 section 15.4; also not when a later hop leads back), and there to public addresses only.
 * @throws UpstreamError bad-response for a redirect that is not followed.
 */
export async function sendFollowing(
  transport: Transport,
  first: FirstExchange,
  policy: RedirectPolicy,
): Promise<Answer> {
  const home = first.url.origin;
  let { authorization, credentialId, url } = first;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const isElsewhere = url.origin !== home;
    const isGuarded = isElsewhere && !policy.allowPrivateRedirects && !policy.configuredOrigins.has(url.origin);
    const headers = {
      ...first.headers,
      ...(!isElsewhere && first.homeHeaders),
      ...(authorization !== undefined && { authorization }),
    };
    const reply = await sendGuarded(transport, { ...first, url, headers, credentialId, isGuarded }, policy.upstream);
    if (!redirectStatuses.includes(reply.status)) return { ...reply, url, isElsewhere };
    discard(reply);
    const next = redirectTarget(url, headerOf(reply.headers, "location"), policy.upstream, reply.status);
    if (next.origin !== url.origin) {
      authorization = undefined;
      credentialId = "none";
    }
    url = next;
  }
  throw new UpstreamError("bad-response", `${first.url.host} redirects more than ${maxRedirects} times`, policy);
}

async function sendGuarded(transport: Transport, exchange: Exchange, upstream: string) {
  try {
    return await transport.send(exchange);
  } catch (error) {
    if (!(error instanceof ForbiddenAddress)) throw error;
    throw new UpstreamError("bad-response", `a redirect to ${exchange.url.host} is refused: ${error.message}`, {
      upstream,
    });
  }
}

/** Where a redirect or an upload's Location leads. @throws UpstreamError bad-response for one that may not be followed */
export function redirectTarget(from: URL, location: string | undefined, upstream: string, status: number): URL {
  const refuse = (why: string): never => {
    throw new UpstreamError("bad-response", `${from.host} redirects ${why}`, { upstream, status });
  };
  const target = location === undefined ? null : URL.parse(location, from.href);
  if (!target) return refuse("to nowhere");
  if (target.protocol !== "https:" && target.protocol !== "http:") return refuse("to something that is not http");
  if (from.protocol === "https:" && target.protocol === "http:") return refuse("from https to http");
  if (target.username !== "" || target.password !== "") return refuse("to a URL with user information");
  target.hash = "";
  return target;
}
