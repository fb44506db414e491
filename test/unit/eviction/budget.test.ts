import { describe, expect, test } from "vitest";
import { createBudget, type Budget, type BudgetOptions } from "../../../src/eviction/index.ts";

const total = 1000;

async function budgetOf(options: Partial<BudgetOptions> & { available?: () => number } = {}): Promise<Budget> {
  const { available = () => total, ...rest } = options;
  return createBudget({
    maxSize: { kind: "bytes", bytes: 100 },
    minFree: { kind: "bytes", bytes: 0 },
    storedBytes: 0,
    space: () => Promise.resolve({ availableBytes: available(), totalBytes: total }),
    ...rest,
  });
}

describe("the size of the budget", () => {
  test("is what is configured: bytes, or a share of the file system", async () => {
    expect((await budgetOf()).maxBytes).toBe(100);
    expect((await budgetOf({ maxSize: { kind: "share", share: 0.25 } })).maxBytes).toBe(250);
  });

  test("is by default 80 % of what is free and what the store holds", async () => {
    const budget = await budgetOf({ maxSize: undefined, storedBytes: 200, available: () => 300 });
    expect(budget.maxBytes).toBe(400);
    expect(budget.storedBytes).toBe(200);
  });
});

describe("a reservation", () => {
  test("is refused where it does not fit, to the byte", async () => {
    const budget = await budgetOf({ storedBytes: 40 });
    expect(await budget.reserve(61)).toBeUndefined();
    expect(budget.reservedBytes).toBe(0);
    expect(await budget.reserve(60)).toBeDefined();
    expect(budget.reservedBytes).toBe(60);
    expect(await budget.reserve(1)).toBeUndefined();
  });

  test("is refused where it would leave too little free on the file system", async () => {
    let available = 50;
    const budget = await budgetOf({ minFree: { kind: "share", share: 0.04 }, available: () => available });
    expect(await budget.reserve(11)).toBeUndefined();
    expect(budget.reservedBytes).toBe(0);
    const first = await budget.reserve(10);
    expect(first).toBeDefined();
    expect(await budget.reserve(1)).toBeUndefined();
    available = 51;
    expect(await budget.reserve(1)).toBeDefined();
  });

  test("is not given twice for the same room: two that ask at once cannot both have the last of it", async () => {
    const budget = await budgetOf();
    const both = await Promise.all([budget.reserve(60), budget.reserve(60)]);
    expect(both.filter((reservation) => reservation !== undefined)).toHaveLength(1);
    expect(budget.reservedBytes).toBe(60);
  });

  test("becomes what is stored, with the size that it came to", async () => {
    const budget = await budgetOf();
    const reservation = await budget.reserve(60);
    reservation?.settle(45);
    expect([budget.storedBytes, budget.reservedBytes]).toEqual([45, 0]);
  });

  test("ends once: what comes after settle or release does nothing", async () => {
    const budget = await budgetOf();
    const settled = await budget.reserve(10);
    settled?.settle(10);
    settled?.settle(10);
    settled?.release();
    const released = await budget.reserve(10);
    released?.release();
    released?.release();
    released?.settle(10);
    expect([budget.storedBytes, budget.reservedBytes]).toEqual([10, 0]);
    expect(await released?.extendTo(50)).toBe(false);
  });

  test("grows where there is room, and keeps what it has where there is none", async () => {
    const budget = await budgetOf();
    const reservation = await budget.reserve(10);
    expect(await reservation?.extendTo(90)).toBe(true);
    expect(await reservation?.extendTo(5)).toBe(true);
    expect(budget.reservedBytes).toBe(90);
    expect(await reservation?.extendTo(101)).toBe(false);
    expect(budget.reservedBytes).toBe(90);
    reservation?.release();
    expect(budget.reservedBytes).toBe(0);
  });

  test("that ends while it grows gives everything back", async () => {
    const budget = await budgetOf();
    const reservation = await budget.reserve(10);
    const growing = reservation?.extendTo(50);
    reservation?.release();
    expect(await growing).toBe(false);
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
    expect(await budget.reserve(100)).toBeDefined();
  });

  test("finds the room of what has been removed", async () => {
    const budget = await budgetOf({ storedBytes: 100 });
    expect(await budget.reserve(1)).toBeUndefined();
    budget.removed(30);
    expect(await budget.reserve(30)).toBeDefined();
  });
});
