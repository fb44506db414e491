import { describe, expect, test } from "vitest";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, Gate, hour, MiB, minute, World, type WorldOptions } from "./world.ts";

const timerMs = 30_000;

/** Images of four MiB in a budget of hundred, nothing leased; not begun. */
async function openWith(images: number, options: WorldOptions = {}): Promise<World> {
  const world = await World.open({ maxBytes: 100 * MiB, ...options });
  for (let number = 0; number < images; number += 1) {
    await world.putImage(`image ${number}`, { layers: { [`layer ${number}`]: 4 * MiB - documentBytes } });
  }
  world.clock.advance(hour);
  return world;
}

describe("in the background", () => {
  test("nothing goes below the high watermark", async () => {
    const world = await openWith(23);
    await world.putImage("last", { layers: { "last layer": 3 * MiB - documentBytes } });
    world.begin();
    world.eviction.settled();
    world.clock.advance(timerMs);
    await world.idle();
    expect(world.storedBytes).toBe(95 * MiB);
  });

  test("images go above the high watermark until the low one is reached, and no further", async () => {
    const world = await openWith(24);
    world.begin();
    world.eviction.settled();
    await world.idle();
    expect([world.storedBytes, world.evictions]).toEqual([
      88 * MiB,
      [{ reason: "watermark", units: 2, bytes: 8 * MiB }],
    ]);
    world.eviction.settled();
    await world.idle();
    expect(world.evictions).toHaveLength(1);
  });

  test("what is reserved counts against the watermarks", async () => {
    const world = await openWith(20);
    world.begin();
    const reservation = await world.reserve(18 * MiB);
    world.eviction.settled();
    await world.idle();
    expect(world.storedBytes).toBe(72 * MiB);
    reservation?.release();
  });

  test("the watermarks are looked at from time to time, though nothing tells of new bytes", async () => {
    const world = await openWith(24);
    world.begin();
    await world.idle();
    expect(world.storedBytes).toBe(96 * MiB);
    world.clock.advance(timerMs);
    await world.idle();
    expect(world.storedBytes).toBe(88 * MiB);
    await world.putImage("more", { layers: { "more bytes": 10 * MiB } });
    world.clock.advance(timerMs);
    await world.idle();
    expect(world.storedBytes).toBeLessThanOrEqual(90 * MiB);
  });

  test("images go until so much is free as is to stay free", async () => {
    const world = await openWith(10, { diskBytes: 100 * MiB, minFreeBytes: 20 * MiB });
    world.otherBytes = 41 * MiB;
    world.begin();
    world.clock.advance(timerMs);
    await world.idle();
    expect([world.storedBytes, world.evictions]).toEqual([
      36 * MiB,
      [{ reason: "min-free", units: 1, bytes: 4 * MiB }],
    ]);
  });

  test("what is being pulled stays, as do fresh orphans: that can wait", async () => {
    const world = await openWith(0);
    await world.putBlob("orphan", 50 * MiB);
    for (const name of ["a", "b", "c"]) await world.putImage(name, { layers: { [`layer of ${name}`]: 16 * MiB } });
    await world.pull("b", "c");
    world.clock.advance(1);
    world.eviction.seen(world.digest("a"));
    await world.index.flushTouches();
    world.begin();
    world.eviction.settled();
    await world.idle();
    expect(world.here()).toEqual(["b", "c", "layer of b", "layer of c", "orphan"]);
  });

  test("a failure is told of, and the next round goes on", async () => {
    let fails = true;
    const world = await openWith(24, {
      withIndex: (index) => {
        const evict = index.evict.bind(index);
        index.evict = (victims, reason) => (fails ? Promise.reject(new Error("disk")) : evict(victims, reason));
        return index;
      },
    });
    world.begin();
    world.eviction.settled();
    await world.idle();
    expect(world.failures).toMatchObject([{ message: "disk" }]);
    fails = false;
    world.clock.advance(timerMs);
    await world.idle();
    expect(world.storedBytes).toBe(88 * MiB);
  });
});

describe("before its beginning", () => {
  test("nothing goes: neither in the background nor for a fill", async () => {
    const world = await openWith(24);
    await world.putBlob("orphan", MiB);
    world.clock.advance(2 * hour);
    world.eviction.settled();
    expect(await world.reserve(20 * MiB)).toBeUndefined();
    expect(world.clock.pendingTimers).toBe(0);
    expect(world.storedBytes).toBe(97 * MiB);
    world.begin();
    expect(await world.reserve(20 * MiB)).toBeDefined();
  });

  test("nothing goes for an operator either: edges may be missing, and what looks like an orphan is none", async () => {
    const world = await openWith(1);
    await world.putBlob("layer of an image whose edges are not read yet", MiB);
    const before = world.here();
    // What it answers, and when, is not the point here.
    const evicting = world.eviction.evictBytes(1e9).catch(() => undefined);
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await world.index.probe();
    }
    expect(world.here()).toEqual(before);
    world.begin();
    await evicting;
  });

  test("an operator who waits for it is let go by the closing, and nothing goes", async () => {
    const world = await openWith(2);
    const before = world.here();
    const evicting = Promise.allSettled([world.eviction.evictBytes(1e9)]);
    await world.eviction.close();
    await evicting;
    expect([world.here(), world.evictions]).toEqual([before, []]);
  });

  test("what an earlier process doomed stays; then it goes", async () => {
    const world = await openWith(2);
    await world.index.evict({ manifests: [world.digest("image 0")], orphans: [] }, "budget");
    expect(world.here()).toEqual(["image 0 (doomed)", "image 1", "layer 0 (doomed)", "layer 1"]);
    await world.restart();
    world.begin();
    await world.idle();
    expect(world.here()).toEqual(["image 1", "layer 1"]);
  });

  test("a closed one does not begin", async () => {
    const world = await openWith(24);
    await world.eviction.close();
    world.eviction.begin();
    world.eviction.settled();
    expect([world.clock.pendingTimers, await world.reserve(20 * MiB)]).toEqual([0, undefined]);
    expect(world.storedBytes).toBe(96 * MiB);
  });
});

describe("closing", () => {
  test("ends an eviction between two transactions, and waits for it; index and disk agree", async () => {
    const gate = new Gate();
    const world = await World.open(gate.options);
    for (let number = 0; number < 40; number += 1) {
      await world.putImage(`image ${number}`, { layers: { [`layer ${number}`]: 10 } });
    }
    const evicting = world.evict(1e9);
    await gate.isReached;
    let isClosed = false;
    const closing = world.eviction.close().then(() => (isClosed = true));
    await world.index.probe();
    expect(isClosed).toBe(false);
    gate.open();
    await closing;
    await evicting;
    expect(world.here()).toHaveLength(16);
    expect(world.storedBytes).toBe(8 * (documentBytes + 10));
  });

  test("leaves no timer, and a second closing waits as well", async () => {
    const world = await openWith(1);
    world.begin();
    expect(world.clock.pendingTimers).toBe(1);
    await Promise.all([world.eviction.close(), world.eviction.close()]);
    expect(world.clock.pendingTimers).toBe(0);
    world.clock.advance(hour);
    expect(world.here()).toEqual(["image 0", "layer 0"]);
  });

  test("makes no room any more for a fill that waits for it", async () => {
    const gate = new Gate();
    const world = await openWith(24, gate.options);
    world.begin();
    const first = world.reserve(8 * MiB);
    const second = world.reserve(8 * MiB);
    await gate.isReached;
    const closing = world.eviction.close();
    gate.open();
    await closing;
    expect([await first, await second].map((given) => given !== undefined)).toEqual([true, false]);
  });

  test("lets what is still read be unlinked by the next process", async () => {
    const world = await openWith(1);
    const giveBack = world.eviction.hold(world.digest("layer 0"));
    await world.index.evict({ manifests: [world.digest("image 0")], orphans: [] }, "budget");
    world.begin();
    await world.eviction.close();
    expect(world.here()).toEqual(["layer 0 (doomed)"]);
    await world.restart();
    world.begin();
    await world.idle();
    giveBack();
    expect(world.here()).toEqual([]);
  });
});

test("an upkeep that goes on for hours is one timer, and evicts nothing that it need not", async () => {
  const world = await openWith(3);
  world.begin();
  for (let round = 0; round < 20; round += 1) {
    world.clock.advance(10 * minute);
    await world.idle();
    expect(world.clock.pendingTimers).toBe(1);
  }
  expect([world.here().length, world.index.isMember(alpine, world.digest("layer 0"))]).toEqual([6, true]);
});
