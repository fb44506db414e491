import type { RepositoryKey } from "../metadata/index.ts";
import type { Reference, RepositoryName } from "../oci/index.ts";
import { formatReference, RegistryError } from "../oci/index.ts";
import { UpstreamError, type Upstream } from "../upstream/index.ts";
import { withDeadline, type Clock } from "./clock.ts";
import type { FlightSettings } from "./flight.ts";
import type { TagPolicy } from "./freshness.ts";

/** One configured upstream with the policy that holds for it. */
export interface UpstreamEntry {
  upstream: Upstream;
  tags: TagPolicy;
  limits: FlightSettings;
}

/** One repository of one upstream, as a request names it. */
export interface Source extends UpstreamEntry {
  key: RepositoryKey;
  trace: Trace;
}

export function sourceOf(entry: UpstreamEntry, repository: RepositoryName, trace: Trace): Source {
  return { ...entry, key: { upstream: entry.upstream.name, name: repository }, trace };
}

/** A key for maps over `what` of a repository; names cannot hold a space. */
export function sourceKey(source: Source, what: string): string {
  return `${source.key.upstream} ${source.key.name} ${what}`;
}

export function manifestKey(source: Source, reference: Reference): string {
  return sourceKey(source, `manifest ${formatReference(reference)}`);
}

/** Milliseconds that a client's request has waited for an upstream; goes into its log line. */
export interface Trace {
  upstreamMs: number;
}

/** Awaits what an upstream must bring, and books the time on the request that waits, whoever started the work. */
export async function waitFor<T>(source: Source, promise: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await promise;
  } finally {
    source.trace.upstreamMs += performance.now() - startedAt;
  }
}

/** Asks the upstream within `answerWithin`; the time limit counts tokens, redirects and other endpoints too. */
export async function askUpstream<T>(
  clock: Clock,
  source: UpstreamEntry,
  work: (options: { signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { answerWithinMs } = source.limits;
  const late = (): Error =>
    new UpstreamError("timeout", `no answer within ${answerWithinMs} ms`, { upstream: source.upstream.name });
  return withDeadline(clock, answerWithinMs, late, (signal) => work({ signal }));
}

/**
 * What a client is told about an upstream's failure (the table of ARCHITECTURE section 6). Anything that is not an
 * UpstreamError is returned as it is.
 * @param cached - Whether a copy is stored, and why it is not served; left out where there is none.
 */
export function clientError(error: unknown, cached?: string): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const detail = {
    upstream: error.upstream,
    reason: error.kind,
    said: error.message,
    ...(error.status !== undefined && { status: error.status }),
    ...(cached !== undefined && { cached }),
  };
  const options = { detail, retryAfter: error.retryAfter, cause: error };
  switch (error.kind) {
    case "rate-limited":
      return new RegistryError("TOOMANYREQUESTS", `${error.upstream} limits the rate of requests`, {
        ...options,
        retryAfter: error.retryAfter ?? 60,
      });
    case "unauthorized":
    case "denied":
      return new RegistryError("DENIED", `${error.upstream} refuses access`, options);
    case "timeout":
      return new RegistryError("UPSTREAM_TIMEOUT", `${error.upstream} does not answer in time`, options);
    case "unreachable":
      return new RegistryError("BAD_UPSTREAM", `${error.upstream} cannot be reached`, options);
    case "not-found":
    case "bad-response":
      return new RegistryError("BAD_UPSTREAM", `${error.upstream} gave an answer that cannot be used`, options);
  }
}
