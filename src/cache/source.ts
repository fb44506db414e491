import type { Pseudonym } from "../chain/index.ts";
import type { RepositoryKey } from "../metadata/index.ts";
import type { Reference, RepositoryName } from "../oci/index.ts";
import { formatReference, RegistryError, type ErrorCode } from "../oci/index.ts";
import { UpstreamError, type RequestOptions, type Upstream } from "../upstream/index.ts";
import { withDeadline, type Clock } from "./clock.ts";
import type { Mark } from "./generations.ts";
import type { TagPolicy } from "./manifests/freshness.ts";
import type { TagPattern } from "./manifests/tag-policies.ts";

/** One configured upstream with the policy that holds for it. */
export interface UpstreamEntry {
  upstream: Upstream;
  /** What holds for whatever no pattern matches: other tags, lists of tags, absent digests. */
  tags: TagPolicy;
  tagPatterns: readonly TagPattern[];
  limits: SourceLimits;
}

export interface SourceLimits {
  /** Everything before our first byte: tokens, redirects, other endpoints, and every question that one request leads to. */
  answerWithinMs: number;
  maxBlobSizeBytes: number;
}

/** A client that pulls with its own credential. */
export interface Viewer {
  /** Names the credential. */
  id: string;
  /** The upstream as this credential sees it. */
  upstream: Upstream;
}

/** One repository of one upstream, as a request names it. */
export interface Source extends Omit<UpstreamEntry, "tagPatterns"> {
  key: RepositoryKey;
  /** Whose credential `upstream` is asked with; undefined for the configured one. */
  viewerId: string | undefined;
  trace: Trace;
  /** What the upstream counts as a pull is not asked of it while it allows few more. */
  isSparing: boolean;
  /** The caches that the request has come through. */
  via: readonly Pseudonym[] | undefined;
  /** When the request came, in the life of the repository. */
  mark: Mark;
  /** When `answerWithin` is used up, in ms since the epoch. */
  deadlineAt: number;
}

interface Asked {
  repository: RepositoryName;
  trace: Trace;
  via?: readonly Pseudonym[];
  viewer?: Viewer | undefined;
  isSparing?: boolean | undefined;
}

export function sourceOf(
  entry: UpstreamEntry,
  { repository, trace, via, viewer, isSparing = false }: Asked,
  { now, mark }: { now: number; mark: (repository: RepositoryKey) => Mark },
): Source {
  const { tags, limits } = entry;
  const upstream = viewer?.upstream ?? entry.upstream;
  const key = { upstream: upstream.name, name: repository };
  // What it took to find out whether the client may pull at all is part of its wait.
  const deadlineAt = now + limits.answerWithinMs - trace.upstreamMs;
  return {
    upstream,
    viewerId: viewer?.id,
    tags: policyFor(viewer, tags),
    limits,
    key,
    trace,
    isSparing,
    via,
    mark: mark(key),
    deadlineAt,
  };
}

/** What is refused to a client's own credential is never served stale to it. */
export function policyFor(viewer: Viewer | undefined, tags: TagPolicy): TagPolicy {
  return viewer ? { ...tags, onDenied: "refuse" } : tags;
}

/** What is left of `answerWithin`, in ms. */
export function remainingMs(clock: Clock, source: Source): number {
  return Math.max(0, source.deadlineAt - clock.now());
}

/**
 * A key for maps over `what` of a repository as it is since the last push through us: after another one nobody joins an
 * older question, nor believes an older absence; and nobody the questions and absences of another's credential. Names
 * cannot hold a space.
 */
export function sourceKey({ key, viewerId = "", mark }: Source, what: string): string {
  return `${key.upstream} ${key.name} ${viewerId} ${mark.generation} ${what}`;
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

/** Asks the upstream within what is left of `answerWithin`. */
export async function askUpstream<T>(
  clock: Clock,
  source: Source,
  work: (options: RequestOptions) => Promise<T>,
): Promise<T> {
  const late = (): Error => {
    const words = `no answer within ${source.limits.answerWithinMs} ms`;
    return new UpstreamError("timeout", words, { upstream: source.key.upstream });
  };
  return withDeadline(clock, remainingMs(clock, source), late, (signal) =>
    work({ signal, deadlineAt: source.deadlineAt, via: source.via }),
  );
}

/**
 * What a client is told about an upstream's failure (the table of ARCHITECTURE section 6). Anything that is not an
 * UpstreamError is returned as it is.
 * @param cached - Whether a copy is stored, and why it is not served; left out where there is none.
 */
export function clientError(error: unknown, cached?: string): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const { code, words } = toldAs(error);
  const detail = {
    upstream: error.upstream,
    said: error.message,
    ...error.told?.detail,
    reason: error.kind,
    ...(error.status !== undefined && { status: error.status }),
    ...(cached !== undefined && { cached }),
  };
  const retryAfter = error.retryAfter ?? (code === "TOOMANYREQUESTS" ? 60 : undefined);
  return new RegistryError(code, words, { detail, retryAfter, hops: error.told?.hops, cause: error });
}

/** The code and the words: those of a parent cache, where one has answered. */
function toldAs(error: UpstreamError): { code: ErrorCode; words: string } {
  const own = inOurWords(error);
  return error.told ? { code: error.told.code, words: error.told.message ?? own.words } : own;
}

function inOurWords({ kind, upstream }: UpstreamError): { code: ErrorCode; words: string } {
  switch (kind) {
    case "rate-limited":
      return { code: "TOOMANYREQUESTS", words: `${upstream} limits the rate of requests` };
    case "unauthorized":
    case "denied":
      return { code: "DENIED", words: `${upstream} refuses access` };
    case "timeout":
      return { code: "UPSTREAM_TIMEOUT", words: `${upstream} does not answer in time` };
    case "unreachable":
      return { code: "BAD_UPSTREAM", words: `${upstream} cannot be reached` };
    case "offline":
      return { code: "UNAVAILABLE", words: `${upstream} is offline by configuration, and this is not stored` };
    case "not-found":
    case "bad-response":
      return { code: "BAD_UPSTREAM", words: `${upstream} gave an answer that cannot be used` };
  }
}
