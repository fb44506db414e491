import { describe, expect, test } from "vitest";
import { documentBytes, hour, MiB, World } from "./world.ts";

describe("images leave", () => {
  test("least recently pulled first", async () => {
    const world = await World.open();
    for (const name of ["one", "two", "three"]) await world.putImage(name);
    await world.pull("one");
    world.clock.advance(hour);
    expect(world.victims(await world.evict(1))).toEqual(["two"]);
    expect(world.victims(await world.evict(1))).toEqual(["three"]);
    expect(world.here()).toEqual(["layer of one", "one"]);
    expect(world.victims(await world.evict(1))).toEqual(["one"]);
    expect([world.here(), world.storedBytes]).toEqual([[], 0]);
  });

  test("in the order of their arrival where they were pulled at the same time", async () => {
    const world = await World.open();
    const names = Array.from({ length: 250 }, (_, number) => `image ${number}`);
    for (const name of names) await world.putImage(name, { layers: {} });
    world.clock.advance(hour);
    await world.pull(...names);
    world.clock.advance(hour);
    expect(world.victims(await world.eviction.plan(250 * documentBytes))).toEqual(names);
  });

  test("only as many as are needed, and all of them for what cannot be met", async () => {
    const world = await World.open();
    for (const name of ["one", "two", "three"]) await world.putImage(name);
    expect(world.victims(await world.evict(0))).toEqual([]);
    expect(world.victims(await world.evict(2 * MiB + documentBytes))).toEqual(["one"]);
    const report = await world.evict(1000 * MiB);
    expect(world.victims(report)).toEqual(["two", "three"]);
    expect(report.freedBytes).toBe(2 * (2 * MiB + documentBytes));
  });

  test("whose blobs were only asked for with HEAD, or by one who has left, as any other: that makes them recent", async () => {
    const world = await World.open();
    for (const name of ["one", "two"]) await world.putImage(name);
    world.eviction.seen(world.digest("one"));
    await world.index.flushTouches();
    expect(world.eviction.leases).toBe(0);
    expect(world.victims(await world.evict(1))).toEqual(["two"]);
  });

  test("in more than one transaction, where they are many", async () => {
    const world = await World.open();
    const names = Array.from({ length: 100 }, (_, number) => `image ${number}`);
    for (const name of names) await world.putImage(name, { layers: { [`layer of ${name}`]: 10 } });
    expect(world.victims(await world.evict(1e9))).toEqual(names);
    expect(world.here()).toEqual([]);
    expect(world.evictions.map(({ units }) => units)).toEqual([32, 32, 32, 4]);
    expect(world.evictions.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(100 * (documentBytes + 10));
  });
});

describe("a layer that several images share", () => {
  test("stays as long as one of them is kept", async () => {
    const world = await World.open();
    await world.putImage("one", { layers: { base: 10 * MiB, first: 2 * MiB } });
    await world.putImage("two", { layers: { base: 10 * MiB, second: 2 * MiB } });
    const report = await world.evict(MiB);
    expect(world.victims(report)).toEqual(["one"]);
    expect(world.here()).toEqual(["base", "second", "two"]);
    expect([report.freedBytes, report.keptSharedBytes]).toEqual([2 * MiB + documentBytes, 10 * MiB]);
    await world.evict(1);
    expect(world.here()).toEqual([]);
  });

  test("stays for an image that was pulled last, whatever the others' ranks", async () => {
    const world = await World.open();
    const images = ["a", "b", "c", "d"];
    for (const name of images) await world.putImage(name, { layers: { base: 10 * MiB, [`own ${name}`]: 2 * MiB } });
    await world.evict(6 * MiB);
    expect(world.here()).toEqual(["base", "d", "own d"]);
  });

  test("does not let two images that share everything protect each other", async () => {
    const world = await World.open();
    await world.putImage("one", { layers: { base: 10 * MiB } });
    await world.putImage("two", { layers: { base: 10 * MiB } });
    await world.putImage("three");
    const report = await world.evict(5 * MiB);
    expect(world.victims(report)).toEqual(["one", "two"]);
    expect(report.freedBytes).toBe(10 * MiB + 2 * documentBytes);
    expect(world.here()).toEqual(["layer of three", "three"]);
  });

  test("may be a manifest itself: no more is said to be freed than is", async () => {
    const world = await World.open();
    await world.putImage("inner", { layers: {} });
    await world.putImage("outer", { layers: { inner: documentBytes, more: 2 * MiB } });
    for (let round = 0; round < 2; round += 1) {
      const before = world.storedBytes;
      const { freedBytes } = await world.evict(1);
      expect(freedBytes).toBeGreaterThan(0);
      expect(before - world.storedBytes).toBeGreaterThanOrEqual(freedBytes);
    }
    expect(world.here()).toEqual([]);
  });

  test("is counted once, however often one image names it", async () => {
    const world = await World.open();
    await world.putImage("odd", { layers: { empty: 3 * MiB }, config: "empty" });
    const before = world.storedBytes;
    const report = await world.evict(MiB);
    expect([world.here(), before - world.storedBytes]).toEqual([[], report.freedBytes]);
  });
});

describe("a small image", () => {
  test("is kept where the target is met without it", async () => {
    const world = await World.open();
    await world.putImage("small", { layers: { little: MiB / 2 } });
    await world.putImage("large", { layers: { much: 2 * MiB } });
    expect(world.victims(await world.evict(2 * MiB))).toEqual(["large"]);
    expect(world.here()).toEqual(["little", "small"]);
  });

  test("goes where the target is not met without it", async () => {
    const world = await World.open();
    await world.putImage("small", { layers: { little: MiB / 2 } });
    await world.putImage("large", { layers: { much: 2 * MiB } });
    await world.putImage("last", { layers: { more: 2 * MiB } });
    expect(world.victims(await world.evict(2.3 * MiB))).toEqual(["small", "large"]);
  });

  test("is one of less than a mebibyte: a larger one goes in its turn, though the target would be met without it", async () => {
    const world = await World.open();
    await world.putImage("first", { layers: { "first layer": MiB } });
    await world.putImage("large", { layers: { much: 8 * MiB } });
    expect(world.victims(await world.evict(8 * MiB))).toEqual(["first", "large"]);
  });

  test("stays, the younger ones before the older, as far as the target allows", async () => {
    const world = await World.open();
    for (const name of ["a", "b", "c"]) await world.putImage(name, { layers: { [`little ${name}`]: MiB / 2 } });
    await world.putImage("large", { layers: { much: 2 * MiB } });
    expect(world.victims(await world.evict(2.4 * MiB))).toEqual(["a", "large"]);
  });

  test("is told in the plan with what its going sets free, after others were given back", async () => {
    const world = await World.open();
    await world.putImage("first", { layers: { shared: MiB / 2 } });
    await world.putImage("second", { layers: { shared: MiB / 2, own: MiB / 4 } });
    await world.putImage("large", { layers: { much: 2 * MiB } });
    const wanted = 2 * MiB + MiB / 4 + 2 * documentBytes;
    const { victims, freedBytes } = await world.evict(wanted);
    expect(victims.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(freedBytes);
  });
});
