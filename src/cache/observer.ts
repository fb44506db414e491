import { StoreError } from "../blobstore/index.ts";
import { BudgetExceeded } from "../eviction/index.ts";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";

/** Why content goes to its clients without being kept; `range`: a part that no fill was near. */
export type UncachedReason = "budget" | "no-space" | "io" | "database" | "range";

/** A tag that has moved upstream; `audit`: it is believed all the same. */
export interface CoolingMove {
  upstream: string;
  repository: RepositoryName;
  tag: Tag;
  from: Digest;
  to: Digest;
  mode: "enforce" | "audit";
  cooldownMs: number;
}

/** Whom the cache tells what is worth counting. */
export interface CacheObserver {
  /** Bytes of this upstream had another digest than the one asked for. */
  verifyFailed(upstream: string): void;
  uncached(reason: UncachedReason): void;
  /** A stored file did not have its digest any more; it has been given up. */
  corrupt(digest: Digest): void;
  /** A tag with a cooldown names another digest upstream than here, seen for the first time. */
  tagCooling(move: CoolingMove): void;
  /** The store has failed repeatedly: nothing is stored until it is back (false). */
  setAside(isSetAside: boolean): void;
}

/** The reason why `error` keeps content from being stored; undefined where it is another kind of failure. */
export function uncachedReason(error: unknown): UncachedReason | undefined {
  if (error instanceof BudgetExceeded) return "budget";
  return error instanceof StoreError && error.kind !== "closed" ? error.kind : undefined;
}
