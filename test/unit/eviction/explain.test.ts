import { describe, expect, test } from "vitest";
import type { Explanation } from "../../../src/eviction/index.ts";
import { parseImageName } from "../../../src/oci/index.ts";
import { alpine, latest } from "../metadata/fixtures.ts";
import { documentBytes, hour, leaseForMs, MiB, minute, World } from "./world.ts";

const amd64 = "linux/amd64";
const arm64 = "linux/arm64";

function explain(world: World, text: string): Explanation | undefined {
  return world.eviction.explain(parseImageName(text));
}

describe("why something is here", () => {
  test("an image: its names, its pins, its lease, its place in the queue, and what it needs", async () => {
    const world = await World.open();
    await world.putImage("older");
    const at = world.clock.now();
    await world.putImage("image", { layers: { base: 4 * MiB, own: MiB }, tag: "3" });
    await world.putImage("younger", { layers: { base: 4 * MiB } });
    await world.putImage("next", { tag: "3" });
    await world.pull("image");
    const pulledAt = world.clock.now();
    await world.pin("docker.io/library/alpine:*");
    expect(world.eviction.explain(world.digest("image"))).toEqual({
      ...{ digest: world.digest("image"), kind: "image", state: "present", size: documentBytes },
      tags: [{ image: "docker.io/library/alpine:3", relation: "earlier" }],
      ...{ neededBy: [], platforms: [], pins: [], leasedUntil: pulledAt + leaseForMs, queue: { rank: 4 } },
      ...{ uniqueBytes: MiB + documentBytes, sharedBytes: 4 * MiB },
      ...{ firstFetchedAt: at, lastPulledAt: pulledAt, lastVerifiedAt: at, departures: [] },
    });
    expect(explain(world, "docker.io/library/alpine:3")).toMatchObject({
      digest: world.digest("next"),
      pins: ["docker.io/library/alpine:*"],
      tags: [{ image: "docker.io/library/alpine:3", relation: "current" }],
      queue: undefined,
    });
    expect(world.eviction.explain(world.digest("older"))?.queue).toEqual({ rank: 1 });
  });

  test("an index: the platforms it names, whether they are here, and what all of them need", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { base: 4 * MiB, own: MiB } });
    await world.putImage("stranger", { layers: { base: 4 * MiB } });
    await world.putIndex("index", { children: { image: amd64, missing: arm64, any: undefined }, tag: "latest" });
    const explanation = explain(world, "docker.io/library/alpine:latest");
    expect(explanation).toMatchObject({
      ...{ digest: world.digest("index"), kind: "index", state: "present", queue: undefined },
      ...{ uniqueBytes: MiB + 2 * documentBytes, sharedBytes: 4 * MiB, leasedUntil: undefined },
    });
    const byName = explanation?.platforms.map(({ digest, ...rest }) => ({ ...rest, name: world.nameOf(digest) }));
    expect(byName).toHaveLength(3);
    expect(byName).toEqual(
      expect.arrayContaining([
        { name: "image", platform: amd64, isHere: true },
        { name: "missing", platform: arm64, isHere: false },
        { name: "any", platform: undefined, isHere: false },
      ]),
    );
    expect(world.eviction.explain(world.digest("image"))).toMatchObject({
      neededBy: [
        { digest: world.digest("index"), kind: "index", platform: amd64, images: ["docker.io/library/alpine:latest"] },
      ],
      tags: [{ image: "docker.io/library/alpine:latest", relation: "current" }],
    });
    expect(world.eviction.explain(world.digest("missing"))).toMatchObject({ kind: "unknown", state: "known" });
  });

  test("an index without an image here is in the queue itself", async () => {
    const world = await World.open();
    await world.putImage("older");
    await world.putIndex("index", { children: { missing: amd64 }, tag: "latest" });
    expect(explain(world, "docker.io/library/alpine:latest")?.queue).toEqual({ rank: 2 });
  });

  test("a blob: the images that need it, and what holds these", async () => {
    const world = await World.open();
    await world.putImage("one", { layers: { base: 4 * MiB }, tag: "1" });
    await world.putImage("two", { layers: { base: 4 * MiB } });
    await world.putIndex("index", { children: { two: amd64 }, tag: "2" });
    await world.pin("docker.io/library/alpine:2");
    await world.pull("one");
    const at = world.clock.now();
    world.clock.advance(minute);
    const explanation = world.eviction.explain(world.digest("base"));
    expect(explanation).toMatchObject({
      ...{ kind: "blob", state: "present", size: 4 * MiB, tags: [], pins: ["docker.io/library/alpine:2"] },
      ...{ leasedUntil: at + leaseForMs, queue: undefined, uniqueBytes: 0, sharedBytes: 4 * MiB },
    });
    const needing = explanation?.neededBy.map(({ digest, images }) => ({ name: world.nameOf(digest), images }));
    expect(needing).toEqual([
      { name: "one", images: ["docker.io/library/alpine:1"] },
      { name: "two", images: ["docker.io/library/alpine:2"] },
    ]);
  });

  test("an image that names a blob twice: nobody else needs it", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { own: MiB }, config: "own" });
    const bytes = { uniqueBytes: MiB + documentBytes, sharedBytes: 0 };
    expect(world.eviction.explain(world.digest("image"))).toMatchObject(bytes);
  });

  test("a blob that one image names, or none", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { own: MiB } });
    await world.putBlob("orphan", 10);
    expect(world.eviction.explain(world.digest("own"))).toMatchObject({ uniqueBytes: MiB, sharedBytes: 0 });
    expect(world.eviction.explain(world.digest("orphan"))).toMatchObject({
      neededBy: [],
      uniqueBytes: 10,
      queue: undefined,
    });
  });

  test("a rollback, on both sides", async () => {
    const world = await World.open();
    await world.putImage("good", { tag: "latest" });
    await world.putImage("bad", { tag: "latest" });
    await world.index.holdTag(alpine, latest, world.digest("good"));
    const held = world.eviction.explain(world.digest("good"));
    expect(held?.pins).toEqual(["rollback of docker.io/library/alpine:latest"]);
    expect(held?.tags.map(({ relation }) => relation).sort()).toEqual(["earlier", "held"]);
    expect(world.eviction.explain(world.digest("bad"))?.pins).toEqual([]);
  });
});

describe("why something is not here", () => {
  test("it has left: when, why, and how many bytes went with it", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { own: MiB }, tag: "3" });
    world.clock.advance(hour);
    const at = world.clock.now();
    await world.evict(1);
    const departure = { image: "docker.io/library/alpine:3", reason: "operator", bytes: MiB + documentBytes, at };
    const left = {
      ...{ digest: world.digest("image"), kind: "unknown", state: "absent", size: undefined },
      ...{ lastPulledAt: undefined, departures: [departure] },
    };
    expect(world.eviction.explain(world.digest("image"))).toMatchObject(left);
    expect(explain(world, "docker.io/library/alpine:3")).toMatchObject(left);
    expect(world.eviction.explain(world.digest("own"))).toBeUndefined();
  });

  test("it has left with an index, and its digest is known there", async () => {
    const world = await World.open();
    await world.putImage("image");
    await world.putIndex("index", { children: { image: amd64 }, tag: "3" });
    await world.evict(1);
    const digest = world.digest("image");
    expect(world.eviction.explain(digest)?.departures).toMatchObject([
      { image: `docker.io/library/alpine@${digest}`, bytes: 2 * MiB + documentBytes },
    ]);
    expect(explain(world, "docker.io/library/alpine:3")?.departures).toMatchObject([{ bytes: documentBytes }]);
  });

  test("it has left more than once: the last time comes first, and what is here now is told too", async () => {
    const world = await World.open();
    for (let round = 0; round < 2; round += 1) {
      await world.putImage("image", { tag: "3" });
      await world.evict(1);
    }
    await world.putImage("image", { tag: "3" });
    const explanation = explain(world, "docker.io/library/alpine:3");
    expect(explanation).toMatchObject({ state: "present", kind: "image" });
    expect(explanation?.departures.map(({ at }) => at)).toEqual(
      explanation?.departures.map(({ at }) => at).sort((one, two) => two - one),
    );
    expect(explanation?.departures).toHaveLength(2);
  });

  test("it is on its way out", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { own: MiB }, tag: "3" });
    world.eviction.hold(world.digest("own"));
    world.begin();
    await world.eviction.evictImage(parseImageName("docker.io/library/alpine:3"), false);
    expect(world.eviction.explain(world.digest("own"))).toMatchObject({ state: "doomed", neededBy: [] });
  });

  test("it was never here, or is another's", async () => {
    const world = await World.open();
    await world.putImage("image", { tag: "3" });
    expect(world.eviction.explain(world.digest("nowhere"))).toBeUndefined();
    expect(explain(world, "docker.io/library/alpine:absent")).toBeUndefined();
    expect(explain(world, "ghcr.io/team/other:3")).toBeUndefined();
    expect(explain(world, `ghcr.io/team/other@${world.digest("nowhere")}`)).toBeUndefined();
  });

  test("it left too long ago", async () => {
    const world = await World.open();
    await world.putImage("image", { tag: "3" });
    await world.evict(1);
    world.clock.advance(30 * 24 * hour + 1);
    await world.putImage("another");
    await world.evict(1);
    expect(world.eviction.explain(world.digest("image"))).toBeUndefined();
    expect(explain(world, "docker.io/library/alpine:3")).toBeUndefined();
  });
});
