import type { MetricsSnapshot } from "./metrics.ts";

export const historyStepMs = 60_000;
/** A day. */
const maxPoints = 1440;

/** What one step has brought. */
export interface HistoryIncrements {
  requests: number;
  hits: number;
  stale: number;
  filled: number;
  errors: number;
  servedBytes: number;
  savedBytes: number;
  fetchedBytes: number;
}

/** One step, from `at` (ms since the epoch) on. */
export interface HistoryPoint extends HistoryIncrements {
  at: number;
}

export interface HistoryOptions {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Calls `action` once after `ms`; the returned function cancels. */
  setTimer: (ms: number, action: () => void) => () => void;
  /** Counters since the start. */
  snapshot: () => Promise<MetricsSnapshot>;
  onError: (error: unknown) => void;
}

/** The recent past in steps of a minute, in memory only. */
export class History {
  readonly #options: HistoryOptions;
  #finished: HistoryPoint[] = [];
  #stepAt: number;
  #counted = nothing;
  #turn: Promise<unknown> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#stepAt = options.now();
    this.#keepUp();
  }

  /** At most a day, the oldest first; the last point is the step that is not over yet. */
  read(): Promise<HistoryPoint[]> {
    const read = this.#turn.then(async () => {
      const current = await this.#look();
      return [...this.#finished, current];
    });
    this.#turn = read.catch(() => undefined);
    return read;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  #keepUp(): void {
    if (this.#isClosed) return;
    const { now, setTimer, onError } = this.#options;
    this.#cancelTimer = setTimer(Math.max(1, this.#stepAt + historyStepMs - now()), () => {
      this.read()
        .catch(onError)
        .finally(() => this.#keepUp());
    });
  }

  /** The step that is not over. What was counted while nobody looked belongs to the step that was then; those behind it are empty. */
  async #look(): Promise<HistoryPoint> {
    const totals = totalsOf(await this.#options.snapshot());
    const now = this.#options.now();
    const point = { at: this.#stepAt, ...difference(totals, this.#counted) };
    const passed = Math.floor((now - this.#stepAt) / historyStepMs);
    if (passed === 0) return point;
    this.#counted = totals;
    const isGap = passed < 0 || passed >= maxPoints;
    const empty = isGap ? [] : emptyPoints(this.#stepAt + historyStepMs, passed - 1);
    // A clock that was set back, or stood still for a day, begins anew.
    this.#stepAt = isGap ? now : this.#stepAt + passed * historyStepMs;
    this.#finished = [...(isGap ? [] : this.#finished), point, ...empty].slice(1 - maxPoints);
    return { at: this.#stepAt, ...nothing };
  }
}

const nothing: Readonly<HistoryIncrements> = {
  requests: 0,
  hits: 0,
  stale: 0,
  filled: 0,
  errors: 0,
  servedBytes: 0,
  savedBytes: 0,
  fetchedBytes: 0,
};

function emptyPoints(from: number, count: number): HistoryPoint[] {
  return Array.from({ length: count }, (_, step) => ({ at: from + step * historyStepMs, ...nothing }));
}

function totalsOf({ requests, servedBytes, savedBytes, fetchedBytes }: MetricsSnapshot): HistoryIncrements {
  const { hit, stale, filled, error } = requests.byOutcome;
  const outcomes = { requests: requests.total, hits: hit, stale, filled, errors: error };
  return { ...outcomes, servedBytes, savedBytes, fetchedBytes };
}

function difference(now: HistoryIncrements, before: HistoryIncrements): HistoryIncrements {
  const names = Object.keys(nothing) as (keyof HistoryIncrements)[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as unknown as HistoryIncrements;
}
