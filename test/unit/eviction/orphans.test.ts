import { describe, expect, test } from "vitest";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, hour, MiB, minute, orphanGraceMs, World } from "./world.ts";

describe("a blob that no manifest names", () => {
  test("goes before any image, however long ago that was pulled, once its grace is over", async () => {
    const world = await World.open();
    await world.putImage("old image");
    await world.putBlob("old blob", MiB);
    world.clock.advance(orphanGraceMs + 1);
    await world.putBlob("fresh blob", MiB);
    expect(world.victims(await world.evict(1))).toEqual(["old blob"]);
    expect(world.victims(await world.evict(1))).toEqual(["old image"]);
    expect(world.here()).toEqual(["fresh blob"]);
  });

  test("goes after everything else within its grace, the oldest first", async () => {
    const world = await World.open();
    await world.putBlob("first", MiB);
    world.clock.advance(minute);
    await world.putBlob("second", MiB);
    await world.putImage("leased");
    await world.pull("leased");
    expect(world.victims(await world.eviction.plan(2 * MiB))).toEqual(["leased"]);
    expect(world.victims(await world.eviction.plan(3 * MiB)).sort()).toEqual(["first", "leased"]);
    expect(world.victims(await world.eviction.plan(1e9)).sort()).toEqual(["first", "leased", "second"]);
  });

  test("has its grace from when it was last asked for", async () => {
    const world = await World.open();
    await world.putBlob("one", MiB);
    await world.putBlob("two", MiB);
    world.clock.advance(orphanGraceMs);
    world.eviction.pulledBlob(world.digest("one"));
    await world.index.flushTouches();
    world.clock.advance(1);
    expect(world.victims(await world.eviction.plan(1e9))).toEqual(["two", "one"]);
  });

  test("is none while it is read, nor when a manifest has come to name it", async () => {
    const world = await World.open();
    await world.putBlob("read", MiB);
    await world.putBlob("named", MiB);
    world.clock.advance(2 * hour);
    await world.putImage("image", { layers: { named: MiB } });
    const giveBack = world.eviction.hold(world.digest("read"));
    expect(world.victims(await world.evict(1e9))).toEqual(["image"]);
    giveBack();
    expect(world.victims(await world.evict(1e9))).toEqual(["read"]);
  });

  test("is not what only a subject names; that protects nothing", async () => {
    const world = await World.open();
    await world.putBlob("artifact", MiB);
    world.clock.advance(orphanGraceMs + 1);
    await world.putImage("signature", { layers: {}, subject: "artifact" });
    expect(world.victims(await world.evict(1))).toEqual(["artifact"]);
    expect(world.here()).toEqual(["signature"]);
  });

  test("leaves in the background after its grace though there is room, and not before", async () => {
    const world = await World.open();
    world.begin();
    await world.putBlob("orphan", MiB);
    await world.putImage("image");
    world.clock.advance(orphanGraceMs - minute);
    await world.idle();
    expect(world.here()).toContain("orphan");
    world.clock.advance(minute);
    await world.idle();
    expect(world.here()).toEqual(["image", "layer of image"]);
    expect(world.evictions).toEqual([{ reason: "orphan", units: 1, bytes: MiB }]);
  });

  test("makes room by its going in the background, so that no image goes for the same bytes", async () => {
    const world = await World.open({ maxBytes: 100 * MiB });
    for (let number = 0; number < 8; number += 1) {
      await world.putImage(`image ${number}`, { layers: { [`layer ${number}`]: 10 * MiB } });
    }
    await world.putBlob("orphan", 18 * MiB);
    world.clock.advance(orphanGraceMs + 1);
    world.begin();
    world.eviction.settled();
    await world.idle();
    expect(world.here()).not.toContain("orphan");
    expect(world.here()).toContain("image 0");
  });
});

test.each([
  ["past their grace", 2 * hour],
  ["within their grace", minute],
])("very many orphans %s go where they are needed", async (_, age) => {
  const world = await World.open();
  const digests = Array.from({ length: 1100 }, (_, number) => world.digest(`orphan ${number}`));
  await Promise.all(digests.map((digest) => world.index.recordBlob(alpine, digest, documentBytes)));
  world.clock.advance(age);
  expect((await world.eviction.plan(1100 * documentBytes)).freedBytes).toBe(1100 * documentBytes);
});
