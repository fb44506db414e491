import { setTimeout as sleep } from "node:timers/promises";

/** Waits, or throws the signal's reason. */
export type Delay = (milliseconds: number, signal: AbortSignal) => Promise<void>;

const baseMs = 200;
const capMs = 5000;

/** How long to wait before going on after the `failures`-th failure: full jitter over a doubling span, in ms. */
export function backoffMs(failures: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** (failures - 1));
}

export const waitFor: Delay = async (milliseconds, signal) => {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
};
