import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBudget, type Budget, type Reservation } from "../../src/eviction/index.ts";

type Step =
  | { kind: "reserve"; bytes: number }
  | { kind: "extend"; at: number; bytes: number }
  | { kind: "settle" | "release"; at: number; share: number }
  | { kind: "remove"; share: number }
  | { kind: "wait" };

const at = fc.nat(9);
const bytes = fc.nat(60);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("reserve" as const), bytes }),
  fc.record({ kind: fc.constant("extend" as const), at, bytes }),
  fc.record({ kind: fc.constantFrom("settle" as const, "release" as const), at, share }),
  fc.record({ kind: fc.constant("remove" as const), share }),
  fc.constant<Step>({ kind: "wait" }),
);

const maxBytes = 100;

interface Held {
  reservation: Reservation;
  /** What the reservation is known to hold: nobody may settle more. */
  bytes: number;
}

/** A budget on a file system that answers when the scheduler lets it. */
function budgetOn(scheduler: fc.Scheduler, storedBytes: number): Promise<Budget> {
  let isFirst = true;
  const space = async (): Promise<{ availableBytes: number; totalBytes: number }> => {
    const answer = { availableBytes: 1000, totalBytes: 1000 };
    if (!isFirst) await scheduler.schedule(Promise.resolve(), "space");
    isFirst = false;
    return answer;
  };
  const maxSize = { kind: "bytes" as const, bytes: maxBytes };
  return createBudget({ maxSize, minFree: { kind: "bytes", bytes: 0 }, storedBytes, space });
}

describe("the budget", () => {
  test("keeps what is stored and reserved within its limit, and ends with nothing reserved, in any order of events", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(maxBytes),
        fc.array(step, { maxLength: 25 }),
        async (scheduler, stored, steps) => {
          const budget = await budgetOn(scheduler, stored);
          const held: Held[] = [];
          const running: Promise<unknown>[] = [];
          const check = (): void => {
            expect(budget.storedBytes + budget.reservedBytes).toBeLessThanOrEqual(maxBytes);
            expect(budget.reservedBytes).toBeGreaterThanOrEqual(0);
          };
          for (const next of steps) {
            running.push(take(budget, held, next));
            check();
            if (scheduler.count() > 0 && next.kind === "wait") await scheduler.waitNext(1);
            // Lets what has been answered go on, without answering what has not.
            for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
            check();
          }
          await scheduler.waitIdle();
          await Promise.all(running);
          check();
          for (const { reservation } of held) reservation.release();
          expect(budget.reservedBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

async function take(budget: Budget, held: Held[], next: Step): Promise<void> {
  if (next.kind === "wait") return;
  if (next.kind === "reserve") {
    const reservation = await budget.reserve(next.bytes);
    if (reservation) held.push({ reservation, bytes: next.bytes });
    return;
  }
  if (next.kind === "remove") {
    budget.removed(Math.floor(budget.storedBytes * next.share));
    return;
  }
  const mine = held[next.at % Math.max(1, held.length)];
  if (!mine) return;
  if (next.kind === "extend") {
    if (await mine.reservation.extendTo(next.bytes)) mine.bytes = Math.max(mine.bytes, next.bytes);
  } else if (next.kind === "settle") {
    mine.reservation.settle(Math.floor(mine.bytes * next.share));
  } else {
    mine.reservation.release();
  }
}
