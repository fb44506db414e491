import { describe, expect, test } from "vitest";
import type { Tag } from "../../../src/oci/index.ts";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, hour, MiB, World } from "./world.ts";

const amd64 = "linux/amd64";
const arm64 = "linux/arm64";
const latest = "latest" as Tag;

async function withTwoPlatforms(): Promise<World> {
  const world = await World.open();
  await world.putImage("amd64 image", { layers: { "amd64 layer": 2 * MiB } });
  await world.putImage("arm64 image", { layers: { "arm64 layer": 2 * MiB } });
  await world.putIndex("index", { children: { "amd64 image": amd64, "arm64 image": arm64 }, tag: "latest" });
  return world;
}

describe("an index", () => {
  test("goes with the last image below it, and not before", async () => {
    const world = await withTwoPlatforms();
    expect(world.victims(await world.evict(1))).toEqual(["amd64 image"]);
    expect(world.here()).toEqual(["arm64 image", "arm64 layer", "index"]);
    expect(world.index.tag(alpine, latest)?.manifest).toBe(world.digest("index"));
    expect(world.victims(await world.evict(1))).toEqual(["arm64 image", "index"]);
    expect([world.here(), world.index.tag(alpine, latest)]).toEqual([[], undefined]);
  });

  test("goes in the same round where all below it go", async () => {
    const world = await withTwoPlatforms();
    const report = await world.evict(1000 * MiB);
    expect(world.victims(report)).toEqual(["amd64 image", "arm64 image", "index"]);
    expect([report.freedBytes, world.storedBytes]).toEqual([4 * MiB + 3 * documentBytes, 0]);
  });

  test("of which one image is pulled all the time does not keep the others", async () => {
    const world = await withTwoPlatforms();
    await world.putImage("stranger");
    await world.pull("index", "amd64 image");
    world.clock.advance(hour);
    await world.pull("index", "amd64 image");
    expect(world.victims(await world.evict(1))).toEqual(["arm64 image"]);
    expect(world.victims(await world.evict(1))).toEqual(["stranger"]);
    expect(world.here()).toEqual(["amd64 image", "amd64 layer", "index"]);
  });

  test("of which no image was ever pulled goes by itself, in its turn", async () => {
    const world = await World.open();
    await world.putImage("older");
    await world.putIndex("index", { children: { "amd64 image": amd64 }, tag: "latest" });
    await world.putImage("younger");
    expect(world.victims(await world.evict(2 * MiB + 2 * documentBytes))).toEqual(["older", "index"]);
  });

  test("goes with its image where another index names the image too", async () => {
    const world = await World.open();
    await world.putImage("image");
    await world.putIndex("first", { children: { image: amd64 } });
    await world.putIndex("second", { children: { image: undefined, "never pulled": arm64 } });
    expect(world.victims(await world.evict(1))).toEqual(["image", "first", "second"]);
    expect(world.here()).toEqual([]);
  });

  test("of indexes goes when the last image of all goes", async () => {
    const world = await withTwoPlatforms();
    await world.putIndex("above", { children: { index: undefined }, tag: "nested" });
    await world.evict(1);
    expect(world.here()).toEqual(["above", "arm64 image", "arm64 layer", "index"]);
    expect(world.victims(await world.evict(1))).toEqual(["arm64 image", "index", "above"]);
  });

  test("is not left without its images, nor these without it, where one of them is too small to be worth its going", async () => {
    const world = await World.open();
    await world.putImage("small image", { layers: { little: 10 } });
    await world.putImage("large image", { layers: { much: 2 * MiB } });
    await world.putIndex("index", { children: { "small image": amd64, "large image": arm64 }, tag: "latest" });
    await world.putImage("other", { layers: { more: 2 * MiB } });
    await world.evict(2 * MiB);
    const left = world.here();
    expect(left.includes("index")).toBe(left.includes("small image") || left.includes("large image"));
    expect(left).toContain("other");
  });
});

describe("a referrer", () => {
  test("goes with its subject, however recently it was pulled", async () => {
    const world = await World.open();
    await world.putImage("image");
    await world.putImage("other");
    await world.putImage("signature", { layers: { "the signature": 100 }, subject: "image" });
    await world.putImage("signature of the signature", { layers: {}, subject: "signature" });
    expect(world.victims(await world.evict(1))).toEqual(["image", "signature", "signature of the signature"]);
    expect(world.here()).toEqual(["layer of other", "other"]);
  });

  test("goes with its subject where it was pulled before it too", async () => {
    const world = await World.open();
    await world.putImage("signature", { layers: { "the signature": 100 }, subject: "image" });
    await world.putImage("image");
    await world.putImage("other");
    expect(world.victims(await world.evict(2 * MiB)).sort()).toEqual(["image", "signature"]);
    expect(world.here()).toEqual(["layer of other", "other"]);
  });

  test("of an index goes with it, and not with one of its images", async () => {
    const world = await withTwoPlatforms();
    await world.putImage("signature", { layers: {}, subject: "index" });
    await world.pull("signature");
    expect(world.victims(await world.evict(1))).toEqual(["amd64 image"]);
    expect(world.victims(await world.evict(1))).toEqual(["arm64 image", "index", "signature"]);
  });

  test("keeps nothing: its subject goes in its turn, and the referrer too", async () => {
    const world = await World.open();
    await world.putImage("image");
    await world.putImage("attestation", { layers: { "many bytes": 2 * MiB }, subject: "image" });
    await world.pull("image");
    expect(world.victims(await world.evict(1))).toEqual(["attestation"]);
    expect(world.here()).toEqual(["image", "layer of image"]);
  });
});
