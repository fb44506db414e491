/** Wall-clock time for freshness, and timers; tests bring their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `action` once after `ms`; the returned function cancels. A timer alone does not keep the process alive. */
  setTimer(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, action) {
    // setTimeout takes at most 2^31 - 1 ms (24.8 days); nothing here waits longer.
    const timer = setTimeout(action, Math.min(ms, 2 ** 31 - 1)).unref();
    return () => clearTimeout(timer);
  },
};

/** Runs `work` with a signal that aborts with `reason()` after `ms`. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  reason: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const cancel = clock.setTimer(ms, () => controller.abort(reason()));
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}

/** `promise`, or `"late"` if it takes longer than `ms`; the promise goes on by itself. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | "late"> {
  let cancel = (): void => undefined;
  const late = new Promise<"late">((resolve) => {
    cancel = clock.setTimer(ms, () => resolve("late"));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
