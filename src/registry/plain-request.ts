import type { IncomingMessage } from "node:http";

/**
 * Fields of a request that no answer of ours to a client without credentials depends on, beside those that are part of its key:
 * where a proxy says that it comes from matters for challenges and for the limits of fills alone.
 */
const indifferent = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "connection",
  "docker-distribution-api-version",
  "forwarded",
  "keep-alive",
  "traceparent",
  "tracestate",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

/** A GET or HEAD without a condition, a range, credentials or anything else that we would have to weigh. */
export interface PlainRequest {
  /** The same for requests that are answered alike as long as nothing changes. */
  key: string;
  userAgent: string | undefined;
}

/** Undefined for a request that must be looked at closely. A field that is not known here makes it one. */
export function plainRequest({
  method,
  url,
  rawHeaders,
}: Pick<IncomingMessage, "method" | "url" | "rawHeaders">): PlainRequest | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  let host: string | undefined;
  let via: string | undefined;
  let userAgent: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    if (indifferent.has(name)) continue;
    const value = rawHeaders[index + 1];
    if (name === "host" && host === undefined) host = value;
    else if (name === "user-agent" && userAgent === undefined) userAgent = value;
    else if (name === "via" && via === undefined) via = value;
    else return undefined;
  }
  // No field value holds a line break.
  return host === undefined ? undefined : { key: `${method} ${String(url)}\n${host}\n${via ?? ""}`, userAgent };
}
