import { describe, expect, test } from "vitest";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, hour, leaseForMs, MiB, minute, World } from "./world.ts";

/** Images without a lease, of which the first was pulled the longest ago. */
async function withImages(names: readonly string[], maxBytes = 1000 * MiB): Promise<World> {
  const world = await World.open({ maxBytes });
  for (const name of names) await world.putImage(name);
  world.clock.advance(hour);
  return world;
}

/** Somebody asks with HEAD: recent, and not leased. */
async function see(world: World, ...names: string[]): Promise<void> {
  world.clock.advance(minute);
  for (const name of names) world.eviction.seen(world.digest(name));
  await world.index.flushTouches();
}

describe("an image that is being pulled", () => {
  test("stays where another can go, even if that was asked for later", async () => {
    const world = await withImages(["pulled", "seen"]);
    await world.pull("pulled");
    await see(world, "seen");
    expect(world.eviction.leases).toBe(1);
    expect(world.victims(await world.evict(1))).toEqual(["seen"]);
    expect(world.here()).toEqual(["layer of pulled", "pulled"]);
  });

  test("is one no more when its lease has ended", async () => {
    const world = await withImages(["pulled", "seen"]);
    await world.pull("pulled");
    await see(world, "seen");
    world.clock.advance(leaseForMs - minute - 1);
    expect(world.eviction.leases).toBe(1);
    world.clock.advance(1);
    expect(world.eviction.leases).toBe(0);
    expect(world.victims(await world.evict(1))).toEqual(["pulled"]);
  });

  test("is the last resort, the oldest lease first", async () => {
    const world = await withImages(["a", "b", "c", "idle"]);
    for (const name of ["b", "c", "a"]) {
      world.clock.advance(minute);
      await world.pull(name);
    }
    await see(world, "idle");
    expect(world.victims(await world.evict(2 * MiB + 1))).toEqual(["idle"]);
    expect(world.victims(await world.evict(2 * MiB + documentBytes + 1))).toEqual(["b", "c"]);
    expect(world.victims(await world.evict(1))).toEqual(["a"]);
  });

  test("goes before others where all that is leased is more than half the budget, the oldest first", async () => {
    const world = await withImages(["a", "b", "c", "idle"], 10 * MiB);
    for (const name of ["a", "b", "c"]) {
      world.clock.advance(minute);
      await world.pull(name);
    }
    await see(world, "idle");
    expect(world.victims(await world.eviction.plan(1))).toEqual(["a"]);
    expect(world.victims(await world.eviction.plan(4 * MiB))).toEqual(["a", "idle"]);
  });

  test("stays pulled for as long again with each of its blobs that is asked for", async () => {
    const world = await withImages(["pulled", "seen"]);
    await world.pull("pulled");
    world.clock.advance(leaseForMs - 1);
    world.eviction.pulledBlob(world.digest("layer of pulled"));
    world.clock.advance(leaseForMs - minute - 1);
    await see(world, "seen");
    expect(world.eviction.leases).toBe(1);
    expect(world.victims(await world.evict(1))).toEqual(["seen"]);
  });

  test("is still known after a restart, unless its time cannot be true", async () => {
    const world = await withImages(["pulled", "wrong", "seen"]);
    await world.pull("pulled");
    world.index.touch(world.digest("wrong"), world.clock.now(), world.clock.now() + leaseForMs + hour);
    await see(world, "seen");
    await world.restart();
    expect(world.eviction.leases).toBe(1);
    world.begin();
    expect(world.victims(await world.evict(2 * MiB + documentBytes + 1))).toEqual(["wrong", "seen"]);
  });

  test("keeps its index, though the images that are here below it are cold", async () => {
    const world = await World.open();
    await world.putImage("cold image");
    await world.putIndex("index", {
      children: { "cold image": "linux/amd64", "not here yet": "linux/arm64" },
      tag: "3",
    });
    await world.putImage("other");
    world.clock.advance(hour);
    await world.pull("index");
    await see(world, "other");
    await world.evict(1);
    expect(world.here()).toContain("index");
  });

  test("keeps nothing for ever: where all is to go, what would have taken its index along goes too", async () => {
    const world = await World.open();
    await world.putImage("image");
    await world.putImage("signature", { layers: {}, subject: "image" });
    await world.putIndex("index", { children: { signature: undefined } });
    world.clock.advance(hour);
    await world.pull("index");
    await world.evict(1000 * MiB);
    expect(world.here()).toEqual([]);
  });

  test("does not leave one that is kept without its index, though their leases are the last resort", async () => {
    const world = await World.open();
    await world.putImage("amd64 image");
    await world.putImage("arm64 image");
    await world.putIndex("index", { children: { "amd64 image": "linux/amd64", "arm64 image": "linux/arm64" } });
    for (const name of ["index", "amd64 image", "arm64 image"]) {
      await world.pull(name);
      world.clock.advance(1);
    }
    await world.evict(2 * MiB + documentBytes + 1);
    const left = world.here();
    expect(left.includes("index")).toBe(left.some((name) => name.endsWith("image")));
  });
});

describe("a blob that is asked for", () => {
  test("leases nothing whose lease has ended, and nothing that was never pulled", async () => {
    const world = await withImages(["pulled"]);
    await world.pull("pulled");
    world.clock.advance(leaseForMs);
    world.eviction.pulledBlob(world.digest("layer of pulled"));
    world.eviction.pulledBlob(world.digest("nowhere"));
    expect(world.eviction.leases).toBe(0);
  });

  test("prolongs every pull that it may belong to, and no other", async () => {
    const world = await World.open();
    await world.putImage("one", { layers: { base: MiB, first: MiB } });
    await world.putImage("two", { layers: { base: MiB, second: MiB } });
    await world.putImage("three", { layers: { third: MiB } });
    await world.pull("one", "two", "three");
    world.clock.advance(leaseForMs - 1);
    world.eviction.pulledBlob(world.digest("base"));
    world.clock.advance(1);
    expect(world.eviction.leases).toBe(2);
    expect(world.eviction.explain(world.digest("three"))?.leasedUntil).toBeUndefined();
  });

  test("prolongs none where very many have it: that tells nothing", async () => {
    const world = await World.open();
    const edges = [{ role: "layer" as const, digest: world.digest("empty"), size: 32 }];
    const images = Array.from({ length: 33 }, (_, number) => `image ${number}`);
    await world.putBlob("empty", 32);
    const row = { size: documentBytes, mediaType: "t", kind: "image" as const, edges };
    const now = world.clock.now();
    await Promise.all(
      images.map((name) => world.index.recordManifest(alpine, { ...row, digest: world.digest(name) }, now)),
    );
    for (const name of images) world.eviction.pulled(world.digest(name));
    world.clock.advance(leaseForMs - 1);
    world.eviction.pulledBlob(world.digest("empty"));
    expect(world.eviction.leases).toBe(33);
    world.clock.advance(1);
    expect(world.eviction.leases).toBe(0);
  });
});
