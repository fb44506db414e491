import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createBreaker, type Breaker, type Failing, type Outcome } from "../../../../src/upstream/hosts/breaker.ts";

const openForMs = 30_000;
const answered: Outcome = { kind: "answered" };

function failed(repository: string, failing: Failing = "exchange"): Outcome {
  return { kind: "failed", failing, repository };
}

/** One request from its admission to its outcome; false where it was refused. */
function ask(breaker: Breaker, outcome: Outcome, at: number): boolean {
  if (breaker.refusal(at)) return false;
  breaker.settle(breaker.admit(), outcome, at);
  return true;
}

/** A breaker that has opened at 0. */
function opened(): Breaker {
  const breaker = createBreaker(openForMs);
  for (const repository of ["a", "b", "c"]) ask(breaker, failed(repository), 0);
  return breaker;
}

describe("a breaker", () => {
  it("opens when three repositories have failed with no answer in between", () => {
    const breaker = createBreaker(openForMs);
    for (const repository of ["a", "b"]) ask(breaker, failed(repository), 0);
    ask(breaker, answered, 0);
    for (const repository of ["a", "b"]) ask(breaker, failed(repository), 0);
    expect(breaker.isOpen).toBe(false);
    ask(breaker, failed("c"), 0);
    expect([breaker.isOpen, breaker.refusal(1)]).toEqual([true, { openedAt: 0, until: openForMs }]);
  });

  it("opens when no connection has come about for 5 s, whatever was asked for", () => {
    const breaker = createBreaker(openForMs);
    for (const at of [0, 2000, 4999]) ask(breaker, failed("a", "connection"), at);
    expect(breaker.isOpen).toBe(false);
    ask(breaker, failed("a", "connection"), 5000);
    expect(breaker.isOpen).toBe(true);
  });

  it("opens when two repositories had nothing but failures for 5 s", () => {
    const breaker = createBreaker(openForMs);
    for (const [at, repository] of [
      [0, "a"],
      [2000, "b"],
      [5000, "a"],
    ] as const)
      ask(breaker, failed(repository), at);
    expect(breaker.isOpen).toBe(true);
  });

  it("is not opened by failures that are far apart", () => {
    const breaker = createBreaker(openForMs);
    for (let at = 0; at < 10 * 61_000; at += 61_000) ask(breaker, failed(`${at}`, "connection"), at);
    expect(breaker.isOpen).toBe(false);
  });

  it("lets one probe through when its time is over, and closes with an answer", () => {
    const breaker = opened();
    expect(breaker.refusal(openForMs - 1)).toBeDefined();
    expect(breaker.refusal(openForMs)).toBeUndefined();
    const probe = breaker.admit();
    expect(breaker.refusal(openForMs)).toEqual({ openedAt: 0, until: openForMs });
    breaker.settle(probe, answered, openForMs);
    expect([breaker.isOpen, breaker.refusal(openForMs)]).toEqual([false, undefined]);
  });

  it("stays open for as long again when the probe fails, and says since when", () => {
    const breaker = opened();
    ask(breaker, failed("a"), openForMs);
    expect(breaker.refusal(openForMs + 1)).toEqual({ openedAt: 0, until: 2 * openForMs });
  });

  it("lets another probe through when the first was given up", () => {
    const breaker = opened();
    ask(breaker, { kind: "unknown" }, openForMs);
    expect([breaker.isOpen, breaker.refusal(openForMs)]).toEqual([true, undefined]);
  });

  it("learns nothing from requests that were under way when it opened", () => {
    const breaker = createBreaker(openForMs);
    const early = breaker.admit();
    for (const repository of ["a", "b", "c"]) ask(breaker, failed(repository), 0);
    breaker.settle(early, answered, 1);
    expect(breaker.isOpen).toBe(true);
  });

  it("is not kept open by a clock that was set back", () => {
    const breaker = opened();
    expect(breaker.refusal(-3_600_000)).toBeUndefined();
  });
});

const steps = fc.array(
  fc.record({
    afterMs: fc.nat(8000),
    repository: fc.constantFrom("a", "b", "c", "d"),
    kind: fc.constantFrom("answered", "connection", "exchange", "unknown"),
  }),
  { maxLength: 60 },
);

function outcomeOf({ kind, repository }: { kind: string; repository: string }): Outcome {
  if (kind === "answered" || kind === "unknown") return { kind };
  return failed(repository, kind as Failing);
}

describe("a breaker under any requests one after the other", () => {
  it("is open exactly when the failures since the last answer are of three repositories or have lasted", () => {
    fc.assert(
      fc.property(steps, (asked) => {
        const breaker = createBreaker(openForMs);
        let at = 0;
        let since: { at: number; repository: string }[] = [];
        for (const step of asked) {
          at += step.afterMs;
          if (!ask(breaker, outcomeOf(step), at)) {
            expect(breaker.isOpen).toBe(true);
            continue;
          }
          if (step.kind === "unknown") continue;
          const wasOpen = since.length > 0 && since[0]?.at === Infinity;
          if (step.kind === "answered") since = [];
          else if (!wasOpen) {
            since.push({ at, repository: step.repository });
            const { size } = new Set(since.map(({ repository }) => repository));
            const hasLasted = at - (since[0]?.at ?? at) >= 5000 && (step.kind === "connection" || size > 1);
            if (size >= 3 || hasLasted) since = [{ at: Infinity, repository: "" }];
          }
          expect(breaker.isOpen).toBe(since[0]?.at === Infinity);
        }
      }),
    );
  });

  it("is never opened by exchanges that fail through one repository alone", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8000), { maxLength: 60 }), (waits) => {
        const breaker = createBreaker(openForMs);
        let at = 0;
        for (const wait of waits) expect(ask(breaker, failed("bad"), (at += wait))).toBe(true);
      }),
    );
  });

  it("refuses everything until its time is over, and then all but one at a time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(openForMs - 1)), fc.integer({ min: 1, max: 20 }), (early, crowd) => {
        const breaker = opened();
        for (const at of early) expect(breaker.refusal(at)).toBeDefined();
        let admitted = 0;
        for (let each = 0; each < crowd; each += 1) {
          if (breaker.refusal(openForMs + each)) continue;
          breaker.admit();
          admitted += 1;
        }
        expect(admitted).toBe(1);
      }),
    );
  });
});
