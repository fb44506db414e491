import type { Digest } from "../oci/index.ts";
import type { StaleReason } from "./manifests/freshness.ts";
import type { ByteRange } from "./blobs/ranges.ts";
import type { BlobReader } from "./blobs/reader.ts";
import type { Source } from "./source.ts";

/** How a request was answered; the words of the metrics and the log (SURFACE section 4). */
export type AnswerOutcome = "hit" | "stale" | "filled" | "collapsed" | "uncached";

/** How old what is served is; only tags, and lists made from them, can expire. */
export interface Age {
  /** Seconds since the upstream confirmed it. */
  ageSeconds: number;
  /** Seconds until it expires, negative once it has; undefined for what never changes. */
  ttlSeconds: number | undefined;
}

interface Answer {
  outcome: AnswerOutcome;
  age: Age | undefined;
  /** Set with the outcome `stale`, and where a mirror spoke for the origin. */
  flag: StaleReason | "from-mirror" | "rolled-back" | undefined;
  /** Members of Cache-Status of the caches that it came through, if it has just come through any. */
  hops?: string | undefined;
}

export interface ManifestAnswer extends Answer {
  digest: Digest;
  /** Bytes. */
  size: number;
  mediaType: string;
  /** Undefined for a HEAD that was answered without them. */
  bytes: Buffer | undefined;
}

export interface BlobRequest {
  source: Source;
  digest: Digest;
  /** For a GET; undefined for the whole blob. */
  range: ByteRange | undefined;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  enterFill: EnterFill;
}

/**
 * Lets a client begin another fill: at once, or when it has fewer of them. The function that it gets is called when the fill
 * has ended, once. Rejects with a RegistryError where that takes longer than `withinMs`, and with the signal's reason.
 */
export type EnterFill = (wait: { withinMs: number; signal: AbortSignal }) => (() => void) | Promise<() => void>;

/** A blob, or the part of it from `start` to `end` (exclusive). */
export interface BlobAnswer {
  outcome: AnswerOutcome;
  digest: Digest;
  size: number;
  start: number;
  end: number;
  isPartial: boolean;
  hops?: string | undefined;
  /** Undefined for a HEAD. Must be closed. */
  reader: BlobReader | undefined;
  /**
   * Set where the whole blob is a file that somebody else may send: its bytes need not pass us to be checked. Keeps the file
   * for 30 s, in which the other opens it, and says where it is below the data directory.
   */
  handOver?: (() => string) | undefined;
}

/** Nothing of the blob lies in the range asked for. */
export interface RangeUnsatisfiable {
  outcome: "unsatisfiable";
  size: number;
}

export interface TagsAnswer extends Answer {
  tags: string[];
  /** False where the upstream has more than the 10,000 that are collected. */
  isComplete: boolean;
}

export interface ReferrersAnswer extends Answer {
  /** Descriptors as the upstream gave them. */
  manifests: Record<string, unknown>[];
}
