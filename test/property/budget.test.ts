import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BudgetExceeded, createBudget, type Budget, type Reservation } from "../../src/eviction/index.ts";

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

interface Store {
  bytes: number;
}

interface Held {
  reservation: Reservation;
  /** What the reservation is known to hold: nobody may settle more. */
  bytes: number;
  isOver?: boolean;
}

/** A budget on a file system that answers when the scheduler lets it. */
function budgetOn(scheduler: fc.Scheduler, store: Store): Promise<Budget> {
  let isFirst = true;
  const space = async (): Promise<{ availableBytes: number; totalBytes: number }> => {
    const answer = { availableBytes: 1000, totalBytes: 1000 };
    if (!isFirst) await scheduler.schedule(Promise.resolve(), "space");
    isFirst = false;
    return answer;
  };
  const makeRoom = (): Promise<boolean> => Promise.resolve(false);
  const maxSize = { kind: "bytes" as const, bytes: maxBytes };
  return createBudget({
    maxSize,
    minFree: { kind: "bytes", bytes: 0 },
    storedBytes: () => store.bytes,
    space,
    makeRoom,
  });
}

describe("the budget", () => {
  test("keeps what is stored and reserved within its limit, and ends with nothing reserved, in any order of events", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.nat(maxBytes),
        fc.array(step, { maxLength: 25 }),
        async (scheduler, stored, steps) => {
          const store = { bytes: stored };
          const budget = await budgetOn(scheduler, store);
          const held: Held[] = [];
          const running: Promise<unknown>[] = [];
          const check = (): void => {
            expect(store.bytes + budget.reservedBytes).toBeLessThanOrEqual(maxBytes);
            expect(budget.reservedBytes).toBeGreaterThanOrEqual(0);
          };
          for (const next of steps) {
            running.push(take(budget, store, held, next));
            check();
            if (scheduler.count() > 0 && next.kind === "wait") await scheduler.waitNext(1);
            // Lets what has been answered go on, without answering what has not.
            for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
            check();
          }
          await scheduler.waitIdle();
          await Promise.all(running);
          check();
          for (const { reservation, isOver } of held) if (isOver !== true) reservation.release();
          expect(budget.reservedBytes).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

async function take(budget: Budget, store: Store, held: Held[], next: Step): Promise<void> {
  if (next.kind === "wait") return;
  if (next.kind === "reserve") {
    await unlessExceeded(
      budget.reserve(next.bytes).then((reservation) => held.push({ reservation, bytes: next.bytes })),
    );
    return;
  }
  if (next.kind === "remove") {
    store.bytes -= Math.floor(store.bytes * next.share);
    return;
  }
  const mine = held[next.at % Math.max(1, held.length)];
  if (!mine) return;
  if (next.kind === "extend") {
    await unlessExceeded(
      mine.reservation
        .extendTo(next.bytes)
        .then(() => (mine.bytes = mine.isOver ? 0 : Math.max(mine.bytes, next.bytes))),
    );
    return;
  }
  // A committed file counts as stored from here on, with at most what was reserved for it.
  mine.reservation.release();
  if (next.kind === "settle") store.bytes += Math.floor(mine.bytes * next.share);
  mine.bytes = 0;
  mine.isOver = true;
}

async function unlessExceeded(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof BudgetExceeded)) throw error;
  });
}
