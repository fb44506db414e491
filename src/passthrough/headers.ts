import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { hasBody } from "./push.ts";

/** What of a client's request goes on to a registry. Its Authorization is not among it, nor what is meant for us alone. */
const sentOn = ["accept", "content-length", "content-range", "content-type", "range", "user-agent"] as const;

/**
 * What of a registry's answer comes back. No hop-by-hop fields, no cookies, no commands to a server in between
 * (X-Accel-Redirect, X-Sendfile), no challenge: realms of others are not for our clients.
 */
const sentBack = [
  "accept-ranges",
  "content-range",
  "docker-content-digest",
  "docker-ratelimit-source",
  "docker-upload-uuid",
  "etag",
  "last-modified",
  "oci-chunk-max-length",
  "oci-chunk-min-length",
  "oci-subject",
  "range",
  "ratelimit-limit",
  "ratelimit-remaining",
  "retry-after",
  "warning",
] as const;

/** The header of a request to the registry; Host is added by node:http. */
export function requestHeaders(request: IncomingMessage, authorization: string | undefined): IncomingHttpHeaders {
  const { headers, method } = request;
  const headersOn: IncomingHttpHeaders = { "accept-encoding": "identity" };
  for (const name of sentOn) if (headers[name] !== undefined) headersOn[name] = headers[name];
  const mayHaveBody = method !== "GET" && method !== "HEAD";
  if (mayHaveBody && !hasBody(request)) headersOn["content-length"] = "0";
  if (authorization !== undefined) headersOn.authorization = authorization;
  return headersOn;
}

/** The fields that come back; Content-Type and Content-Length only for HEAD, where there is no body to be sure of. */
export function answerHeaders({ headers }: IncomingMessage, isHead: boolean): Record<string, string> {
  const names = isHead ? [...sentBack, "content-length", "content-type"] : sentBack;
  const back: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) back[name] = [value].flat().join(", ");
  }
  return back;
}
