import type { ServerResponse } from "node:http";
import { withHops } from "../chain/index.ts";
import type { BlobAnswer, ManifestAnswer, ReferrersAnswer, TagsAnswer } from "../cache/index.ts";
import type { Digest, RegistryError } from "../oci/index.ts";
import type { Exchange } from "./exchange.ts";

export type Headers = Record<string, string | number>;

/** Headers of every answer of the pull face. */
export function commonHeaders({ namespace }: Pick<Exchange, "namespace">): Headers {
  return {
    "Docker-Distribution-Api-Version": "registry/2.0",
    ...(namespace !== undefined && { "OCI-Namespace": namespace }),
  };
}

/** Our only entity tags: a digest is as strong as a validator can be (RFC 9110 section 8.8.3). */
export function entityTag(digest: Digest): string {
  return `"${digest}"`;
}

const unconfirmed = "served from the cache of entrepot, not confirmed";

/** What a person reads of an answer that is not the upstream's latest on purpose. */
const heldWords: Partial<Record<NonNullable<AnyAnswer["flag"]>, string>> = {
  cooldown: "the tag has moved, entrepot still serves the version before",
  "quota-kept-back": "the registry allows few more pulls, entrepot serves the version it has",
};

type AnyAnswer = ManifestAnswer | TagsAnswer | ReferrersAnswer;

/** Cache-Status (RFC 9211), Age (RFC 9111 section 5.1), and a Warning for what a person should see (distribution-spec, "Warnings"). */
export function ageHeaders(answer: Pick<AnyAnswer, "outcome" | "age" | "flag" | "hops">): Headers {
  const { outcome, age, flag, hops } = answer;
  // Also what has just been fetched, where a parent cache says that it is not the latest.
  const isUnconfirmed = flag !== undefined && flag !== "from-mirror" && flag !== "rolled-back";
  const isHit = outcome === "hit" || outcome === "stale";
  const ttl = age?.ttlSeconds !== undefined && isHit ? `; ttl=${age.ttlSeconds}` : "";
  const held = flag && heldWords[flag];
  const detail = flag === undefined ? "" : `; detail=${flag.startsWith("upstream-") ? "stale-" : ""}${flag}`;
  return {
    "Cache-Status": withHops(hops, `${cacheStatus(outcome)}${ttl}${detail}`),
    ...(age && { Age: age.ageSeconds }),
    ...(isUnconfirmed && { Warning: `299 - "${held ?? unconfirmed}: ${flag}"` }),
  };
}

export function cacheStatus(outcome: BlobAnswer["outcome"]): string {
  switch (outcome) {
    case "hit":
    case "stale":
      return "entrepot; hit";
    case "filled":
      return "entrepot; fwd=miss; stored";
    case "collapsed":
      return "entrepot; fwd=miss; collapsed";
    case "uncached":
      return "entrepot; fwd=miss";
  }
}

export function sendBytes(
  response: ServerResponse,
  exchange: Exchange,
  status: number,
  headers: Headers,
  body: Buffer | undefined,
): void {
  send(response, exchange, status, { ...commonHeaders(exchange), ...headers }, body);
}

/** The whole of an answer. @param header - With the headers of every answer; flat lists of names and values are written as they are. */
export function send(
  response: ServerResponse,
  exchange: Exchange,
  status: number,
  header: Headers | string[],
  body: Buffer | undefined,
): void {
  response.writeHead(status, header);
  exchange.firstByteAt = performance.now();
  exchange.bytes += body?.length ?? 0;
  response.end(body);
  // What the kernel has taken needs no more of us.
  if (response.writableLength > 0) response.setTimeout(exchange.idleTimeoutMs, () => response.destroy());
}

/** The one place where an error becomes an answer: status and code from the error, words and detail without secrets. */
export function sendError(response: ServerResponse, exchange: Exchange, error: RegistryError, isHead: boolean): void {
  exchange.outcome = outcomeOfError(error);
  exchange.error = error.code;
  // Most clients show no more of a 5xx than its status: whoever looks into the log finds the reason.
  exchange.said =
    error.cause instanceof Error && error.detail?.["said"] !== undefined ? error.cause.message : undefined;
  const body = Buffer.from(`${JSON.stringify(error)}\n`);
  sendBytes(
    response,
    exchange,
    error.status,
    {
      "Content-Type": "application/json",
      "Content-Length": body.length,
      "Cache-Status": withHops(error.hops, `entrepot; detail=${error.wireCode}`),
      ...(error.status === 405 && { Allow: "GET, HEAD" }),
      ...(error.challenge !== undefined && { "WWW-Authenticate": error.challenge }),
      ...(error.retryAfter !== undefined && { "Retry-After": Math.ceil(error.retryAfter) }),
    },
    isHead ? undefined : body,
  );
}

/** How an answer that came from an upstream as it is counts. */
export function outcomeOfStatus(status: number): NonNullable<Exchange["outcome"]> {
  if (status < 400) return "uncached";
  if (status === 404) return "absent";
  return status < 500 ? "refused" : "error";
}

function outcomeOfError(error: RegistryError): Exchange["outcome"] {
  if (error.status === 404) return error.code === "NAME_UNKNOWN" || error.code === "NOT_FOUND" ? "refused" : "absent";
  return error.status < 500 ? "refused" : "error";
}
