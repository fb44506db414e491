import type { UpkeepOptions } from "./upkeep.ts";

type SetTimer = UpkeepOptions["setTimer"];

/** Shorter waits are added up first: a timer has no finer grain, and small files are many. */
const minPauseMs = 10;

/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function pause(setTimer: SetTimer, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = setTimer(ms, end);
    signal.addEventListener("abort", end);
  });
}

/** Holds reading to a rate: what was read is waited for, whatever time it took itself. */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #setTimer: SetTimer;
  #owedMs = 0;

  constructor(bytesPerSecond: number, setTimer: SetTimer) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#setTimer = setTimer;
  }

  async after(bytes: number, signal: AbortSignal): Promise<void> {
    this.#owedMs += (bytes / this.#bytesPerSecond) * 1000;
    if (this.#owedMs < minPauseMs) return;
    const ms = this.#owedMs;
    this.#owedMs = 0;
    await pause(this.#setTimer, ms, signal);
  }
}
