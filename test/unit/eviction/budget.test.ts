import { describe, expect, test } from "vitest";
import {
  BudgetExceeded,
  createBudget,
  type Budget,
  type BudgetOptions,
  type Reservation,
} from "../../../src/eviction/index.ts";

const total = 1000;

async function budgetOf(options: Partial<BudgetOptions> & { available?: () => number } = {}): Promise<Budget> {
  const { available = () => total, ...rest } = options;
  return createBudget({
    maxSize: { kind: "bytes", bytes: 100 },
    minFree: { kind: "bytes", bytes: 0 },
    storedBytes: () => 0,
    space: () => Promise.resolve({ availableBytes: available(), totalBytes: total }),
    makeRoom: () => Promise.resolve(false),
    ...rest,
  });
}

/** Undefined where the budget says no. */
async function reserveIn(budget: Budget, bytes: number): Promise<Reservation | undefined> {
  return budget.reserve(bytes).catch((error: unknown) => {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  });
}

describe("the size of the budget", () => {
  test("is what is configured: bytes, or a share of the file system", async () => {
    expect((await budgetOf()).maxBytes).toBe(100);
    expect((await budgetOf({ maxSize: { kind: "share", share: 0.25 } })).maxBytes).toBe(250);
  });

  test("is by default 80 % of what is free and what the store holds", async () => {
    const budget = await budgetOf({ maxSize: undefined, storedBytes: () => 200, available: () => 300 });
    expect(budget.maxBytes).toBe(400);
  });
});

describe("a reservation", () => {
  test("is refused where it does not fit, to the byte", async () => {
    const budget = await budgetOf({ storedBytes: () => 40 });
    expect(await reserveIn(budget, 61)).toBeUndefined();
    expect(budget.reservedBytes).toBe(0);
    expect(await reserveIn(budget, 60)).toBeDefined();
    expect(budget.reservedBytes).toBe(60);
    expect(await reserveIn(budget, 1)).toBeUndefined();
  });

  test("is refused where it would leave too little free on the file system", async () => {
    let available = 50;
    const budget = await budgetOf({ minFree: { kind: "share", share: 0.04 }, available: () => available });
    expect(await reserveIn(budget, 11)).toBeUndefined();
    expect(budget.reservedBytes).toBe(0);
    expect(await reserveIn(budget, 10)).toBeDefined();
    expect(await reserveIn(budget, 1)).toBeUndefined();
    available = 51;
    expect(await reserveIn(budget, 1)).toBeDefined();
  });

  test("is not given twice for the same room: two that ask at once cannot both have the last of it", async () => {
    const budget = await budgetOf();
    const both = await Promise.all([reserveIn(budget, 60), reserveIn(budget, 60)]);
    expect(both.filter((reservation) => reservation !== undefined)).toHaveLength(1);
    expect(budget.reservedBytes).toBe(60);
  });

  test("ends once: what comes after its release does nothing", async () => {
    const budget = await budgetOf();
    const other = await budget.reserve(20);
    const released = await budget.reserve(10);
    released.release();
    released.release();
    expect(budget.reservedBytes).toBe(20);
    other.release();
    expect(budget.reservedBytes).toBe(0);
  });

  test("grows where there is room, and keeps what it has where there is none", async () => {
    const budget = await budgetOf();
    const reservation = await budget.reserve(10);
    await reservation.extendTo(90);
    await reservation.extendTo(5);
    expect(budget.reservedBytes).toBe(90);
    await expect(reservation.extendTo(101)).rejects.toBeInstanceOf(BudgetExceeded);
    expect(budget.reservedBytes).toBe(90);
    reservation.release();
    expect(budget.reservedBytes).toBe(0);
  });

  test("that ends while it grows gives everything back", async () => {
    const budget = await budgetOf();
    const reservation = await budget.reserve(10);
    const growing = reservation.extendTo(50);
    reservation.release();
    await growing.catch(() => undefined);
    expect(budget.reservedBytes).toBe(0);
  });

  test("takes nothing where the file system cannot be asked", async () => {
    let fails = false;
    const space = (): Promise<{ availableBytes: number; totalBytes: number }> =>
      fails ? Promise.reject(new Error("EIO")) : Promise.resolve({ availableBytes: total, totalBytes: total });
    const budget = await budgetOf({ space });
    fails = true;
    await expect(budget.reserve(60)).rejects.toThrow("EIO");
    fails = false;
    expect(budget.reservedBytes).toBe(0);
    expect(await reserveIn(budget, 100)).toBeDefined();
  });

  test("finds the room of what the store has given up", async () => {
    let stored = 100;
    const budget = await budgetOf({ storedBytes: () => stored });
    expect(await reserveIn(budget, 1)).toBeUndefined();
    stored -= 30;
    expect(await reserveIn(budget, 30)).toBeDefined();
  });
});
