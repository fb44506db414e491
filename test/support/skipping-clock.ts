import type { Clock } from "../../src/cache/index.ts";

interface Timer {
  at: number;
  action: () => void;
  handle: NodeJS.Timeout;
}

/** The real clock, of which a test may skip a stretch: what was to happen in it happens at once. */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return Date.now() + this.#skippedMs;
  }

  setTimer(ms: number, action: () => void): () => void {
    const fire = (): void => {
      this.#timers.delete(timer);
      action();
    };
    const timer: Timer = { at: this.now() + ms, action: fire, handle: setTimeout(fire, ms).unref() };
    this.#timers.add(timer);
    return () => this.#drop(timer);
  }

  skip(ms: number): void {
    this.#skippedMs += ms;
    const due = [...this.#timers].filter(({ at }) => at <= this.now()).sort((one, other) => one.at - other.at);
    for (const timer of due) {
      this.#drop(timer);
      timer.action();
    }
  }

  #drop(timer: Timer): void {
    clearTimeout(timer.handle);
    this.#timers.delete(timer);
  }
}
