import { describe, expect, test } from "vitest";
import { StoreError } from "../../../src/blobstore/index.ts";
import { StoreHealth } from "../../../src/cache/store-health.ts";
import type { CacheObserver, UncachedReason } from "../../../src/cache/observer.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { bytesOf, openCache } from "./open-cache.ts";
import { storeWith } from "./store-with.ts";

const probeEveryMs = 5000;

/** The probe's answer is given by the test. */
function openHealth() {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const plain: CacheObserver = {
    verifyFailed: (upstream) => told.push(upstream),
    uncached: (reason) => told.push(reason),
    corrupt: (digest) => told.push(digest),
    tagCooling: () => undefined,
    setAside: (isSetAside) => told.push(isSetAside),
  };
  const probes: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const probe = (): Promise<void> =>
    new Promise((resolve, reject) => {
      probes.push({ resolve, reject });
    });
  const health = new StoreHealth({ clock, observer: plain, probe });
  const observer = health.watching(plain);
  const fail = (...reasons: UncachedReason[]): void => reasons.forEach((reason) => observer.uncached(reason));
  return { health, observer, clock, told, probes, fail };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

describe("the store", () => {
  test("is relied upon until it has failed three times within a minute", () => {
    const { health, clock, told, fail } = openHealth();
    fail("io", "database");
    expect(health.isSetAside).toBe(false);
    health.check();
    clock.advance(59_999);
    fail("io");
    expect([health.isSetAside, told]).toEqual([true, ["io", "database", "io", true]]);
    expect(() => health.check()).toThrow(StoreError);
  });

  test("is relied upon where its failures are far apart", () => {
    const { health, clock, fail } = openHealth();
    for (let round = 0; round < 20; round += 1) {
      fail("io");
      clock.advance(30_000);
    }
    expect([health.isSetAside, clock.pendingTimers]).toEqual([false, 0]);
  });

  test.each<UncachedReason>(["budget", "no-space", "range"])("is not set aside by %s, however often", (reason) => {
    const { health, told, fail } = openHealth();
    fail(...Array.from({ length: 100 }, () => reason));
    expect([health.isSetAside, told.length]).toEqual([false, 100]);
  });

  test("is not set aside by wrong files or wrong upstreams, which are told of as they were", () => {
    const { health, observer, told } = openHealth();
    const digest = digestOf(Buffer.from("x"));
    for (let count = 0; count < 3; count += 1) {
      observer.corrupt(digest);
      observer.verifyFailed("registry.test");
    }
    expect([health.isSetAside, told.length]).toEqual([false, 6]);
  });
});

describe("a store that is set aside", () => {
  test("is asked every five seconds until it is back, and only once at a time", async () => {
    const { health, clock, told, probes, fail } = openHealth();
    fail("io", "io", "io");
    clock.advance(probeEveryMs - 1);
    expect(probes).toHaveLength(0);
    clock.advance(1);
    clock.advance(10 * probeEveryMs);
    expect(probes).toHaveLength(1);
    probes[0]?.reject(new Error("EIO"));
    await turns();
    expect(health.isSetAside).toBe(true);
    clock.advance(probeEveryMs);
    expect(probes).toHaveLength(2);
    probes[1]?.resolve();
    await turns();
    expect([health.isSetAside, clock.pendingTimers]).toEqual([false, 0]);
    expect(told.filter((one) => typeof one === "boolean")).toEqual([true, false]);
    health.check();
  });

  test("begins to count anew when it is back", async () => {
    const { health, clock, probes, fail } = openHealth();
    fail("io", "io", "io", "io", "database");
    clock.advance(probeEveryMs);
    probes[0]?.resolve();
    await turns();
    fail("io", "io");
    expect(health.isSetAside).toBe(false);
    fail("io");
    expect(health.isSetAside).toBe(true);
  });

  test("is not asked any more when everything closes, whatever a probe says that is on its way", async () => {
    const { health, clock, probes, fail } = openHealth();
    fail("io", "io", "io");
    health.close();
    expect(clock.pendingTimers).toBe(0);
    const other = openHealth();
    other.fail("io", "io", "io");
    other.clock.advance(probeEveryMs);
    other.health.close();
    other.probes[0]?.reject(new Error("closed"));
    await turns();
    expect([other.clock.pendingTimers, probes.length]).toEqual([0, 0]);
  });

  test("keeps nothing and costs no client anything; what is stored is served, and it is filled again when it is back", async () => {
    let isBroken = false;
    let staged = 0;
    const fixture = await openCache((store) =>
      storeWith(store, {
        stage: (onWritten) => {
          staged += 1;
          return isBroken ? Promise.reject(new StoreError("io", "EIO", undefined)) : store.stage(onWritten);
        },
        probe: () => (isBroken ? Promise.reject(new StoreError("io", "EIO", undefined)) : store.probe()),
      }),
    );
    const { cache, clock, upstream, index, noticed, get } = fixture;
    const bodies = Array.from({ length: 6 }, (_, at) => seededBytes(`body ${at}`, 100_000));
    let calls = 0;
    const pull = async (body: Buffer, isStored = false): Promise<void> => {
      const answer = get("library/demo", digestOf(body));
      if (!isStored) (await upstream.called((calls += 1))).answer(body.length).push(body, "end");
      expect((await bytesOf(await answer)).equals(body)).toBe(true);
    };
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), ...others] = bodies;
    await pull(first);
    await expect.poll(() => index.counts().blobs).toBe(1);
    isBroken = true;
    for (const body of others.slice(0, 3)) await pull(body);
    expect([cache.isStoreSetAside(), noticed]).toEqual([true, ["io", "io", "io", "set aside: true"]]);
    const before = staged;
    for (const body of others) await pull(body);
    await pull(first, true);
    expect([staged, index.counts().blobs]).toEqual([before, 1]);
    clock.advance(probeEveryMs);
    await turns();
    expect(cache.isStoreSetAside()).toBe(true);
    isBroken = false;
    await expect
      .poll(() => {
        clock.advance(probeEveryMs);
        return cache.isStoreSetAside();
      })
      .toBe(false);
    await pull(second);
    await expect.poll(() => index.counts().blobs).toBe(2);
    expect(upstream.calls).toHaveLength(calls);
  });
});
