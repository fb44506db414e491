import { StoreError } from "../blobstore/index.ts";
import { BudgetExceeded } from "../eviction/index.ts";
import type { Digest } from "../oci/index.ts";

/** Why content goes to its clients without being kept; `range`: a part that no fill was near. */
export type UncachedReason = "budget" | "no-space" | "io" | "database" | "range";

/** Whom the cache tells what is worth counting. */
export interface CacheObserver {
  /** Bytes of this upstream had another digest than the one asked for. */
  verifyFailed(upstream: string): void;
  uncached(reason: UncachedReason): void;
  /** A stored file did not have its digest any more; it has been given up. */
  corrupt(digest: Digest): void;
  /** The store has failed repeatedly: nothing is stored until it is back (false). */
  setAside(isSetAside: boolean): void;
}

/** The reason why `error` keeps content from being stored; undefined where it is another kind of failure. */
export function uncachedReason(error: unknown): UncachedReason | undefined {
  if (error instanceof BudgetExceeded) return "budget";
  return error instanceof StoreError && error.kind !== "closed" ? error.kind : undefined;
}
