import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyedLock } from "../../../src/blobstore/keyed-lock.ts";
import { openBlobStore } from "../../../src/blobstore/index.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe("a lock by key", () => {
  test("runs what is asked for under one key one after the other, in the order of asking", async () => {
    const lock = new KeyedLock<string>();
    const steps: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const first = lock.run("a", async () => {
      steps.push("first begins");
      await gate.promise;
      steps.push("first ends");
      return 1;
    });
    const others = [2, 3].map((number) =>
      lock.run("a", () => {
        steps.push(String(number));
        return Promise.resolve(number);
      }),
    );
    await turns();
    expect(steps).toEqual(["first begins"]);
    gate.resolve(undefined);
    expect(await Promise.all([first, ...others])).toEqual([1, 2, 3]);
    expect(steps).toEqual(["first begins", "first ends", "2", "3"]);
  });

  test("does not let one key wait for another", async () => {
    const lock = new KeyedLock<string>();
    const gate = Promise.withResolvers<undefined>();
    const waiting = lock.run("a", () => gate.promise);
    expect(await lock.run("b", () => Promise.resolve("free"))).toBe("free");
    gate.resolve(undefined);
    await waiting;
  });

  test("begins at once where nothing else runs: there is no turn in between", () => {
    const lock = new KeyedLock<string>();
    let hasBegun = false;
    void lock.run("a", () => {
      hasBegun = true;
      return Promise.resolve();
    });
    expect(hasBegun).toBe(true);
  });

  test("goes on after a failure, which only the one who asked hears of", async () => {
    const lock = new KeyedLock<string>();
    const failing = lock.run("a", () => Promise.reject(new Error("disk")));
    const next = lock.run("a", () => Promise.resolve("went on"));
    await expect(failing).rejects.toThrow("disk");
    expect(await next).toBe("went on");
    expect(await lock.run("a", () => Promise.resolve("and on"))).toBe("and on");
  });

  test("never runs two at once under a key, and all of them in the end, whatever they do", async () => {
    const work = fc.record({ key: fc.constantFrom("a", "b"), fails: fc.boolean(), at: fc.nat(5) });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(work, { maxLength: 20 }), async (scheduler, works) => {
        const lock = new KeyedLock<string>();
        const running = new Map<string, number>();
        const order = new Map<string, number[]>();
        const all = works.map(({ key, fails }, number) =>
          lock
            .run(key, async () => {
              running.set(key, (running.get(key) ?? 0) + 1);
              order.set(key, [...(order.get(key) ?? []), number]);
              expect(running.get(key)).toBe(1);
              await scheduler.schedule(Promise.resolve());
              running.set(key, 0);
              if (fails) throw new Error("failed");
              return number;
            })
            .catch(() => undefined),
        );
        await scheduler.waitFor(Promise.all(all));
        for (const numbers of order.values()) expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
        expect([...order.values()].flat()).toHaveLength(works.length);
      }),
      { numRuns: 100 },
    );
  });

  test("is what a store has for each digest", async () => {
    const store = await openBlobStore({ directory: await temporaryDirectory(), bootId: "boot" });
    const [one, other] = [digestOf(Buffer.from("one")), digestOf(Buffer.from("other"))];
    const steps: string[] = [];
    const gate = Promise.withResolvers<undefined>();
    const first = store.exclusively(one, () => gate.promise.then(() => steps.push("first")));
    const second = store.exclusively(one, () => Promise.resolve(steps.push("second")));
    await store.exclusively(other, () => Promise.resolve(steps.push("other")));
    gate.resolve(undefined);
    await Promise.all([first, second]);
    expect(steps).toEqual(["other", "first", "second"]);
    await store.close();
  });
});
