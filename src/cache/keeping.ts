import type { Eviction } from "../eviction/index.ts";
import type { Digest } from "../oci/index.ts";

/** What the cache asks of those who decide what is kept. */
export type Keeping = Pick<
  Eviction,
  "budget" | "hold" | "pulled" | "pulledBlob" | "seen" | "untilGone" | "revive" | "settled"
>;

/** A file that has no row yet, after a crash or a rebuild, and is asked for now: whether it is present afterwards. */
export type Adopt = (digest: Digest) => Promise<boolean>;
