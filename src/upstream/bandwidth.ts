import type { Delay } from "./backoff.ts";

/** What all bodies of one upstream may bring together. */
export interface Bandwidth {
  /** Returns when so many bytes that have come may be handed on, in the order of asking. @throws the signal's reason */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

/** What may come at once after a pause. */
const burstMs = 100;

/**
 * A token bucket, kept as the time at which it would be full of debt no more. Bytes are paid for when they have come, so
 * whoever is aborted while waiting has used what was taken; nothing is given back.
 * @param bytesPerSecond 0 for no cap
 * @param now milliseconds; where the clock is set back, the debt moves with it
 */
export function createBandwidth(
  bytesPerSecond: number,
  { now, delay }: { now: () => number; delay: Delay },
): Bandwidth {
  if (bytesPerSecond === 0) return { take: () => Promise.resolve() };
  let lastAt = now();
  let paidAt = lastAt - burstMs;
  return {
    async take(bytes, signal) {
      const at = now();
      if (at < lastAt) paidAt += at - lastAt;
      lastAt = at;
      paidAt = Math.max(paidAt, at - burstMs) + (bytes / bytesPerSecond) * 1000;
      if (paidAt > at) await delay(paidAt - at, signal);
    },
  };
}
