import { describe, expect, test } from "vitest";
import { ImagePinned } from "../../../src/eviction/index.ts";
import { parseImageName, type ImageName } from "../../../src/oci/index.ts";
import { alpine, latest, other } from "../metadata/fixtures.ts";
import { documentBytes, hour, MiB, World } from "./world.ts";

const amd64 = "linux/amd64";
const arm64 = "linux/arm64";
const image = (text: string): ImageName => parseImageName(`docker.io/library/alpine${text}`);

/** Names of what an eviction of the image takes; undefined where it is not stored. */
async function evictImage(world: World, text: string): Promise<string[] | undefined> {
  world.begin();
  const report = await world.eviction.evictImage(image(text), false);
  return report && world.victims(report).sort();
}

describe("a plan", () => {
  test("says what would go and changes nothing; then just that goes", async () => {
    const world = await World.open();
    await world.putImage("small", { layers: { little: 100 } });
    await world.putImage("one", { layers: { base: 4 * MiB, first: MiB }, tag: "1" });
    await world.putImage("two", { layers: { base: 4 * MiB, second: 2 * MiB } });
    await world.putIndex("index", { children: { two: amd64 }, tag: "2" });
    await world.putBlob("orphan", MiB);
    world.clock.advance(2 * hour);
    const before = { here: world.here(), queue: world.index.graph.queue(undefined, 100), counts: world.index.counts() };
    const plan = await world.eviction.plan(5 * MiB);
    expect(world.here()).toEqual(before.here);
    expect([world.index.graph.queue(undefined, 100), world.index.counts()]).toEqual([before.queue, before.counts]);
    expect(plan).toEqual(await world.evict(5 * MiB));
    expect(before.counts.storedBytes - world.storedBytes).toBe(plan.freedBytes);
    expect(plan.freedBytes).toBe(plan.victims.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  test("names images by their tags, by those of the index above, or else by their digest, and blobs not at all", async () => {
    const world = await World.open();
    await world.putBlob("orphan", MiB);
    const storedAt = world.clock.now();
    world.clock.advance(2 * hour);
    const at = world.clock.now();
    await world.putImage("tagged", { tag: "1" });
    await world.tag("one", "tagged");
    await world.tag("mirrored", "tagged", other);
    await world.putImage("child");
    await world.putIndex("index", { children: { child: amd64 }, tag: "2" });
    await world.putImage("nameless", { repository: other });
    const { victims, wantedBytes } = await world.eviction.plan(1e9);
    expect(wantedBytes).toBe(1e9);
    const digest = (name: string): string => world.digest(name);
    expect(victims.map((victim) => ({ ...victim, images: victim.images.sort() }))).toEqual([
      { digest: digest("orphan"), kind: "blob", images: [], lastPulledAt: storedAt, bytes: MiB },
      {
        ...{ digest: digest("tagged"), kind: "image", lastPulledAt: at, bytes: 2 * MiB + documentBytes },
        images: ["docker.io/library/alpine:1", "docker.io/library/alpine:one", "ghcr.io/team/other:mirrored"],
      },
      {
        ...{ digest: digest("child"), kind: "image", lastPulledAt: at + 60_000, bytes: 2 * MiB + 2 * documentBytes },
        images: ["docker.io/library/alpine:2"],
      },
      {
        ...{ digest: digest("index"), kind: "index", lastPulledAt: at + 120_000, bytes: 0 },
        images: ["docker.io/library/alpine:2"],
      },
      {
        ...{ digest: digest("nameless"), kind: "image", lastPulledAt: at + 180_000, bytes: 2 * MiB + documentBytes },
        images: [`ghcr.io/team/other@${digest("nameless")}`],
      },
    ]);
  });
});

describe("one image", () => {
  test("goes for good by its tag, whatever its rank and lease, and with its other names", async () => {
    const world = await World.open();
    await world.putImage("other one", { tag: "other" });
    await world.putImage("image", { tag: "latest" });
    await world.tag("3", "image");
    await world.pull("image");
    expect(await evictImage(world, ":latest")).toEqual(["image"]);
    expect(world.here()).toEqual(["layer of other one", "other one"]);
    expect([world.index.tag(alpine, latest), world.eviction.leases]).toEqual([undefined, 0]);
    expect(await evictImage(world, ":3")).toBeUndefined();
    expect(world.evictions).toEqual([{ reason: "operator", units: 1, bytes: 2 * MiB + documentBytes }]);
  });

  test("goes by its digest, through a repository that holds it", async () => {
    const world = await World.open();
    await world.putImage("image");
    const digest = world.digest("image");
    const elsewhere = parseImageName(`ghcr.io/team/other@${digest}`);
    world.begin();
    expect(await world.eviction.evictImage(elsewhere, false)).toBeUndefined();
    expect(await evictImage(world, `@${digest}`)).toEqual(["image"]);
    expect(world.here()).toEqual([]);
  });

  test("is absent where nothing is stored under its name", async () => {
    const world = await World.open();
    await world.putImage("image", { tag: "latest" });
    await world.putBlob("blob", 10);
    expect(await evictImage(world, ":absent")).toBeUndefined();
    expect(await evictImage(world, `@${world.digest("blob")}`)).toBeUndefined();
    expect(await evictImage(world, `@${world.digest("nothing")}`)).toBeUndefined();
    expect(world.here()).toHaveLength(3);
  });

  test("stays where it is pinned, and the pins are told", async () => {
    const world = await World.open();
    await world.putImage("image", { tag: "latest" });
    await world.pin("docker.io/library/*:latest");
    await world.pin(`docker.io/library/alpine@${world.digest("image")}`);
    const refusal = await evictImage(world, ":latest").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ImagePinned);
    expect((refusal as ImagePinned).pins).toHaveLength(2);
    expect(world.here()).toEqual(["image", "layer of image"]);
  });

  test("stays where something below it is pinned, or it alone gives a pinned index an image", async () => {
    const world = await World.open();
    await world.putImage("child", { tag: "child" });
    await world.putImage("untagged");
    await world.putIndex("index", { children: { child: amd64, untagged: arm64 }, tag: "latest" });
    await world.pin(`docker.io/library/alpine@${world.digest("untagged")}`);
    await expect(evictImage(world, ":latest")).rejects.toBeInstanceOf(ImagePinned);
    await world.eviction.dropPin(`docker.io/library/alpine@${world.digest("untagged")}`);
    await world.pin("docker.io/library/alpine:latest", [amd64]);
    await expect(evictImage(world, ":child")).rejects.toBeInstanceOf(ImagePinned);
    expect(world.here()).toHaveLength(5);
  });

  test("is only looked at in a dry run, whose figures are those of what then happens", async () => {
    const world = await World.open();
    await world.putImage("child");
    await world.putIndex("index", { children: { child: amd64 }, tag: "latest" });
    const before = world.storedBytes;
    const dry = await world.eviction.evictImage(image(":latest"), true);
    expect([world.storedBytes, world.evictions]).toEqual([before, []]);
    world.begin();
    expect(await world.eviction.evictImage(image(":latest"), false)).toEqual(dry);
    expect(before - world.storedBytes).toBe(dry?.freedBytes);
  });

  test("goes with what only it names; what another index or a tag of its own names stays", async () => {
    const world = await World.open();
    for (const name of ["own", "shared", "tagged"]) {
      await world.putImage(name, { ...(name === "tagged" && { tag: "kept" }) });
    }
    await world.putIndex("below", { children: { own: amd64 } });
    await world.putIndex("index", { children: { below: undefined, shared: amd64, tagged: arm64 }, tag: "latest" });
    await world.putIndex("another", { children: { shared: amd64 }, tag: "another" });
    await world.putImage("signature", { layers: {}, subject: "own" });
    expect(await evictImage(world, ":latest")).toEqual(["below", "index", "own", "signature"]);
    const left = ["another", "layer of shared", "layer of tagged", "shared", "tagged"];
    expect(world.here()).toEqual(left);
  });

  test("below an index takes that with it where it was the last", async () => {
    const world = await World.open();
    await world.putImage("first");
    await world.putImage("second");
    await world.putIndex("index", { children: { first: amd64, second: arm64 }, tag: "latest" });
    expect(await evictImage(world, `@${world.digest("first")}`)).toEqual(["first"]);
    expect(await evictImage(world, `@${world.digest("second")}`)).toEqual(["index", "second"]);
    expect(world.index.tag(alpine, latest)).toBeUndefined();
  });

  test("leaves the layers that others need", async () => {
    const world = await World.open();
    await world.putImage("image", { layers: { base: 4 * MiB, own: MiB }, tag: "latest" });
    await world.putImage("needing", { layers: { base: 4 * MiB } });
    world.begin();
    const report = await world.eviction.evictImage(image(":latest"), false);
    expect([report?.freedBytes, report?.keptSharedBytes]).toEqual([MiB + documentBytes, 4 * MiB]);
    expect(world.here()).toEqual(["base", "needing"]);
  });
});
