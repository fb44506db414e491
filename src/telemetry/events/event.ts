import type { Digest } from "../../oci/index.ts";
import type { EvictionReason } from "../labels.ts";

/** Who has found that a stored file is not what it should be. */
export type CorruptionFinder = "serving" | "scrub" | "verify" | "reconcile";

/** Something that an operator may want to hear of when it happens. Null: not known, or does not apply. */
export type NewEvent =
  | TagMoved
  | Evicted
  | { kind: "corrupt"; digest: Digest; where: CorruptionFinder }
  /** A host of an upstream keeps failing and is left alone, or answers again. */
  | { kind: "upstream-down" | "upstream-up"; upstream: string; host: string }
  | QuotaLow;

/** A tag names another digest than before; `from` null where the earlier one is not known any more. */
interface TagMoved {
  kind: "tag-moved";
  /** `docker.io/library/alpine:3` */
  image: string;
  from: Digest | null;
  to: Digest;
}

/** One unit has left the store; or `count` of them at once, which then have no name and no digest. */
interface Evicted {
  kind: "evicted";
  /** In the words of `explain`. */
  reason: Exclude<EvictionReason, "min_free"> | "min-free";
  image: string | null;
  digest: Digest | null;
  bytes: number;
  count: number;
}

interface QuotaLow {
  kind: "quota-low";
  upstream: string;
  limit: number | null;
  remaining: number | null;
  /** RFC 3339. */
  resetAt: string | null;
}

export type EventKind = NewEvent["kind"];

/** An event as it is told: `id` is `<boot>-<sequence>`, `at` a time in RFC 3339. */
export type PublishedEvent = { id: string; at: string } & NewEvent;
