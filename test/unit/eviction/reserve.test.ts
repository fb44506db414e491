import { describe, expect, test, vi } from "vitest";
import type { Reservation } from "../../../src/eviction/index.ts";
import { documentBytes, Gate, hour, MiB, World, type WorldOptions } from "./world.ts";

/** Twenty-four images of four MiB in a budget of hundred: nearly full, nothing leased. */
async function openFull(options: WorldOptions = {}): Promise<World> {
  const world = await World.open({ maxBytes: 100 * MiB, ...options });
  for (let number = 0; number < 24; number += 1) {
    await world.putImage(`image ${number}`, { layers: { [`layer ${number}`]: 4 * MiB - documentBytes } });
  }
  world.clock.advance(hour);
  world.begin();
  return world;
}

function isWithin(world: World): boolean {
  return world.storedBytes + world.eviction.budget.reservedBytes <= world.eviction.budget.maxBytes;
}

describe("room for a fill", () => {
  test("is made for a blob of a fifth of the budget in a store that is nearly full, and no more than that", async () => {
    const world = await openFull();
    expect(world.storedBytes).toBe(96 * MiB);
    expect(await world.reserve(20 * MiB)).toBeDefined();
    expect([world.storedBytes, world.eviction.budget.reservedBytes]).toEqual([80 * MiB, 20 * MiB]);
    expect(world.evictions).toEqual([{ reason: "budget", units: 4, bytes: 16 * MiB }]);
    expect(world.here()).not.toContain("image 3");
    expect(world.here()).toContain("image 4");
  });

  test("is made up to the whole budget, and refused beyond it", async () => {
    const world = await openFull();
    expect(await world.reserve(100 * MiB + 1)).toBeUndefined();
    expect(world.storedBytes).toBe(96 * MiB);
    expect(await world.reserve(100 * MiB)).toBeDefined();
    expect(world.storedBytes).toBe(0);
  });

  test("is made for what turns out larger while it is filled", async () => {
    const world = await openFull();
    const reservation = await world.reserve(4 * MiB);
    await reservation?.extendTo(10 * MiB);
    expect([world.storedBytes, isWithin(world)]).toEqual([88 * MiB, true]);
  });

  test("is refused, and nothing goes, where what is pinned and in use leaves too little", async () => {
    const world = await openFull();
    for (let number = 0; number < 12; number += 1) {
      await world.pin(`docker.io/library/alpine@${world.digest(`image ${number}`)}`);
    }
    const holds = [12, 13, 14].map((number) => world.eviction.hold(world.digest(`layer ${number}`)));
    const before = world.here();
    expect(await world.reserve(40 * MiB + 1)).toBeUndefined();
    expect([world.here(), world.evictions]).toEqual([before, []]);
    expect(await world.reserve(40 * MiB)).toBeDefined();
    expect(world.storedBytes).toBe(60 * MiB);
    holds.forEach((giveBack) => giveBack());
  });

  test("is made again where it could not be made before, after a while", async () => {
    const world = await openFull();
    await world.pin("docker.io/library/*:*");
    const giveBack = Array.from({ length: 24 }, (_, at) => world.eviction.hold(world.digest(`layer ${at}`)));
    expect(await world.reserve(20 * MiB)).toBeUndefined();
    giveBack.forEach((give) => give());
    world.clock.advance(5000);
    expect(await world.reserve(20 * MiB)).toBeDefined();
  });

  test("is made of what is leased too, if nothing else is left", async () => {
    const world = await openFull();
    for (let number = 0; number < 24; number += 1) await world.pull(`image ${number}`);
    expect(await world.reserve(90 * MiB)).toBeDefined();
    expect(isWithin(world)).toBe(true);
  });

  test("is not made of the image that it is for", async () => {
    const world = await openFull();
    await world.putImage("image", { layers: { first: MiB, second: 90 * MiB }, lacks: ["second"] });
    await world.pull("image");
    world.eviction.hold(world.digest("second"));
    expect(await world.reserve(90 * MiB)).toBeDefined();
    expect(world.here()).toEqual(expect.arrayContaining(["first", "image"]));
  });

  test("is never given twice: however many ask at once and fill it, the budget is kept", async () => {
    const world = await openFull();
    const check = (): void => {
      expect(world.storedBytes).toBeLessThanOrEqual(100 * MiB);
      expect(world.eviction.budget.reservedBytes).toBeLessThanOrEqual(100 * MiB);
    };
    const fill = async (name: string): Promise<() => void> => {
      const layer = `layer of ${name}`;
      const giveBack = world.eviction.hold(world.digest(layer));
      const reservation = await world.reserve(7 * MiB);
      expect(reservation).toBeDefined();
      check();
      await world.putBlob(layer, 7 * MiB);
      reservation?.release();
      check();
      const forDocument = await world.reserve(documentBytes);
      await world.putImage(name, { layers: { [layer]: 7 * MiB } });
      forDocument?.release();
      check();
      return giveBack;
    };
    for (const round of ["a", "b", "c"]) {
      const readers = await Promise.all(Array.from({ length: 10 }, (_, number) => fill(`${round} ${number}`)));
      const images = Array.from({ length: 10 }, (_, at) => `${round} ${at}`);
      // What goes in the background, above the high watermark, is half gone for a moment.
      await vi.waitFor(() => expect(world.here()).toEqual(expect.arrayContaining(images)));
      for (const giveBack of readers) giveBack();
    }
    expect(world.eviction.budget.reservedBytes).toBe(0);
  });

  test("is given where another fill is stored while room is made: what counts is that there is room", async () => {
    const gate = new Gate({ isShut: false });
    const world = await openFull(gate.options);
    const first = await world.reserve(12 * MiB);
    expect(world.storedBytes).toBe(88 * MiB);
    gate.shut();
    const second = world.reserve(4 * MiB);
    await expect.poll(() => world.index.graph.manifest(world.digest("image 2"))).toBeUndefined();
    world.eviction.hold(world.digest("filled"));
    await world.putBlob("filled", 12 * MiB);
    first?.release();
    gate.open();
    expect(await second).toBeDefined();
    expect([isWithin(world), world.storedBytes]).toEqual([true, 96 * MiB]);
  });

  test("is refused to those that ask at once for more than there can be, and given to the others", async () => {
    const world = await openFull();
    const given: Reservation[] = [];
    const ask = async (): Promise<void> => {
      const reservation = await world.reserve(30 * MiB);
      if (reservation) given.push(reservation);
      expect(isWithin(world)).toBe(true);
    };
    await Promise.all(Array.from({ length: 6 }, ask));
    expect(given).toHaveLength(3);
    expect(world.storedBytes).toBeLessThanOrEqual(10 * MiB);
    expect(world.storedBytes).toBeGreaterThan(4 * MiB);
  });
});

describe("room on the file system", () => {
  const disk = { maxBytes: 1000 * MiB, diskBytes: 200 * MiB, minFreeBytes: 50 * MiB };

  test("is made so that as much stays free as is to stay free", async () => {
    const world = await openFull(disk);
    world.otherBytes = 54 * MiB;
    const reservation = await world.reserve(10 * MiB);
    expect(reservation).toBeDefined();
    expect(world.storedBytes).toBe(84 * MiB);
    expect(world.evictions.map(({ reason }) => reason)).toEqual(["min-free"]);
  });

  test("is made for what is reserved and not written yet", async () => {
    const world = await openFull(disk);
    await world.reserve(54 * MiB);
    expect(world.storedBytes).toBe(96 * MiB);
    const second = await world.reserve(8 * MiB);
    expect([second === undefined, world.storedBytes]).toEqual([false, 88 * MiB]);
  });

  test("is refused, and nothing goes, where others have taken it", async () => {
    const world = await openFull(disk);
    world.otherBytes = 150 * MiB;
    expect(await world.reserve(MiB)).toBeUndefined();
    expect([world.storedBytes, world.evictions]).toEqual([96 * MiB, []]);
  });
});
