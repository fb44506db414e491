/** What a host's 429 is about: registries count the requests for manifests, object stores those for blobs. */
export type Counted = "manifests" | "manifest heads" | "blobs" | "blob heads" | "lists" | "tokens";

/** Until when a host does not want to be asked, by what it counts. All times in ms of the caller's clock. */
export interface RateLimits {
  /** @param retryAfterSeconds as the 429 said; undefined where it did not */
  limited(counted: Counted, retryAfterSeconds: number | undefined, now: number): void;
  /** Seconds left of a limit, at least 1; undefined where there is none. */
  remaining(counted: Counted, now: number): number | undefined;
}

const unstatedMs = 5000;
/** A limit that is said to last longer is asked about in between. */
const longestMs = 3_600_000;
/** Timers may be this early. */
const toleranceMs = 50;

export function createRateLimits(): RateLimits {
  const limits = new Map<Counted, { from: number; until: number }>();
  return {
    limited(counted, retryAfterSeconds, now) {
      const forMs = retryAfterSeconds === undefined ? unstatedMs : retryAfterSeconds * 1000;
      limits.set(counted, { from: now, until: now + Math.min(forMs, longestMs) - toleranceMs });
    },
    remaining(counted, now) {
      const limit = limits.get(counted);
      // A clock that was set back ends the limit.
      if (!limit || now >= limit.until || now < limit.from) return undefined;
      return Math.max(1, Math.ceil((limit.until - now) / 1000));
    },
  };
}
