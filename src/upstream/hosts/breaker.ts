/**
 * Why a request got no usable answer: no connection came about (refused, DNS, TLS, connect time-out), which no repository
 * can be blamed for; or the exchange failed (reset, header time-out, 502, 503, 504), which may be one repository's fault.
 */
export type Failing = "connection" | "exchange";

/** What became of a request that was let through; `unknown`: it was given up before anything could be said. */
export type Outcome =
  { kind: "answered" } | { kind: "failed"; failing: Failing; repository: string } | { kind: "unknown" };

/** Leave to ask; tells what was let through before the last change from what came after it. */
export interface Admission {
  readonly generation: number;
}

/** Since when, and until when, nothing is asked; `until` is now while a probe is under way. All times in ms of the caller's clock. */
export interface Refusal {
  openedAt: number;
  until: number;
}

/** What is to be seen of a breaker. `probing`: what is asked next decides, or is under way. */
export type Standing = { breaker: "closed" | "probing"; openUntil: undefined } | { breaker: "open"; openUntil: number };

/** The circuit breaker of one host. Pure: no timers, no clock of its own. */
export interface Breaker {
  /** Why a request must not go out now; undefined where it may. */
  refusal(now: number): Refusal | undefined;
  /** Lets a request through that is not refused; the first one behind `until` is the probe. */
  admit(): Admission;
  /** Called once per admission. */
  settle(admission: Admission, outcome: Outcome, now: number): void;
  standing(now: number): Standing;
  /** Open, or waiting for its probe. */
  readonly isOpen: boolean;
}

const repositoriesToOpen = 3;
const failingForMs = 5000;
/** Failures further apart than this have nothing to do with each other. */
const forgottenAfterMs = 60_000;

interface Closed {
  kind: "closed";
  /** The first of the failures that no answer came in between. */
  firstFailedAt: number;
  lastFailedAt: number;
  repositories: Set<string>;
}

interface Open {
  kind: "open";
  openedAt: number;
  until: number;
  isProbing: boolean;
}

/**
 * Opens when requests through three repositories have failed and nothing was answered in between; or when nothing but
 * failures came for 5 s, unless all of them could be the fault of one repository. Open for `openForMs`; then one request
 * at a time may try, and what becomes of it decides.
 */
export function createBreaker(openForMs: number): Breaker {
  let state: Closed | Open = closed();
  // What was let through before the last change says nothing about the time after it.
  let generation = 0;

  const change = (next: Closed | Open): void => {
    state = next;
    generation += 1;
  };
  const open = (now: number): void => change({ kind: "open", openedAt: now, until: now + openForMs, isProbing: false });

  const failed = (failing: Failing, repository: string, now: number): void => {
    if (state.kind === "open") {
      const { openedAt } = state;
      change({ kind: "open", openedAt, until: now + openForMs, isProbing: false });
      return;
    }
    if (now - state.lastFailedAt > forgottenAfterMs || now < state.lastFailedAt) state = closed();
    if (state.repositories.size === 0) state.firstFailedAt = now;
    state.lastFailedAt = now;
    state.repositories.add(repository);
    const { size } = state.repositories;
    const isLong = now - state.firstFailedAt >= failingForMs && (failing === "connection" || size > 1);
    if (size >= repositoriesToOpen || isLong) open(now);
  };

  // A clock that was set back must not keep it open for longer than it was meant to be.
  const isResting = (until: number, now: number): boolean => now < until && until - now <= openForMs;

  return {
    get isOpen() {
      return state.kind === "open";
    },
    standing(now) {
      if (state.kind === "closed") return { breaker: "closed", openUntil: undefined };
      const { until } = state;
      return isResting(until, now)
        ? { breaker: "open", openUntil: until }
        : { breaker: "probing", openUntil: undefined };
    },
    refusal(now) {
      if (state.kind === "closed") return undefined;
      const { openedAt, until } = state;
      const mustRest = isResting(until, now);
      return mustRest || state.isProbing ? { openedAt, until: mustRest ? until : now } : undefined;
    },
    admit() {
      if (state.kind === "open") state.isProbing = true;
      return { generation };
    },
    settle(admission, outcome, now) {
      if (admission.generation !== generation) return;
      if (outcome.kind === "failed") failed(outcome.failing, outcome.repository, now);
      else if (state.kind === "closed") state = outcome.kind === "answered" ? closed() : state;
      else if (outcome.kind === "answered") change(closed());
      else state.isProbing = false;
    },
  };
}

function closed(): Closed {
  return { kind: "closed", firstFailedAt: 0, lastFailedAt: 0, repositories: new Set() };
}
