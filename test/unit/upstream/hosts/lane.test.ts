import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createLane } from "../../../../src/upstream/hosts/lane.ts";

const { signal: unhurried } = new AbortController();

/** Lets everything go on that can go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a lane", () => {
  it("lets as many through as it has slots, and the next one when a slot is given back, once", async () => {
    const lane = createLane(2);
    const first = await lane.acquire("a", unhurried);
    await lane.acquire("a", unhurried);
    const served: string[] = [];
    for (const name of ["third", "fourth"]) void lane.acquire("a", unhurried).then(() => served.push(name));
    await settled();
    expect([lane.running, served]).toEqual([2, []]);
    first();
    first();
    await settled();
    expect([lane.running, served]).toEqual([2, ["third"]]);
  });

  it("lets the repositories take turns, so that a burst of one does not keep the others waiting", async () => {
    const lane = createLane(1);
    let leave = await lane.acquire("burst", unhurried);
    const served: string[] = [];
    const wanted = [...Array.from({ length: 50 }, () => "burst"), "late", "later", "late"];
    for (const repository of wanted) {
      void lane.acquire(repository, unhurried).then((give) => {
        served.push(repository);
        leave = give;
      });
    }
    for (let turn = 0; turn < 7; turn += 1) {
      leave();
      await settled();
    }
    expect(served).toEqual(["burst", "late", "later", "burst", "late", "burst", "burst"]);
  });

  it("forgets whoever is aborted while waiting, with their own reason", async () => {
    const lane = createLane(1);
    const leave = await lane.acquire("a", unhurried);
    const controller = new AbortController();
    const waiting = lane.acquire("a", controller.signal);
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await expect(lane.acquire("a", controller.signal)).rejects.toBe("enough");
    const next = lane.acquire("a", unhurried);
    leave();
    (await next)();
    expect(lane.running).toBe(0);
  });

  it("never lets more through than it has slots, and forgets nobody, whoever comes and leaves", async () => {
    const visitor = fc.record({ repository: fc.constantFrom("a", "b", "c"), leavesEarly: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(visitor, { maxLength: 40 }),
        async (slots, visitors) => {
          const lane = createLane(slots);
          let inside = 0;
          const outcomes = visitors.map(async ({ repository, leavesEarly }) => {
            const controller = new AbortController();
            const acquired = lane.acquire(repository, controller.signal);
            if (leavesEarly) queueMicrotask(() => controller.abort("left"));
            const leave = await acquired;
            inside += 1;
            expect(inside).toBeLessThanOrEqual(slots);
            await settled();
            inside -= 1;
            leave();
          });
          const results = await Promise.allSettled(outcomes);
          const failures = results.filter((result) => result.status === "rejected");
          expect(failures.every(({ reason }) => reason === "left")).toBe(true);
          expect(failures.length).toBeLessThanOrEqual(visitors.filter(({ leavesEarly }) => leavesEarly).length);
          expect(lane.running).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});
