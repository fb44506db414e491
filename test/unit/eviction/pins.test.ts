import { describe, expect, test } from "vitest";
import type { Tag } from "../../../src/oci/index.ts";
import { alpine, latest, other } from "../metadata/fixtures.ts";
import { MiB, World } from "./world.ts";

const everything = 1000 * MiB;
const amd64 = "linux/amd64";
const arm64 = "linux/arm64";

/** What is left after everything that may go has gone. */
async function leftOf(world: World): Promise<string[]> {
  await world.evict(everything);
  return world.here().filter((name) => !name.includes("layer"));
}

async function withTags(): Promise<World> {
  const world = await World.open();
  await world.putImage("three", { tag: "3" });
  await world.putImage("edge", { tag: "edge" });
  await world.putImage("elsewhere", { tag: "3", repository: other });
  return world;
}

describe("a pin", () => {
  test("keeps an image with all its blobs, whatever is asked for, until it is taken away", async () => {
    const world = await withTags();
    await world.pin("docker.io/library/alpine:3");
    expect(world.eviction.pins).toBe(1);
    expect(world.victims(await world.eviction.plan(everything))).toEqual(["edge", "elsewhere"]);
    await world.evict(everything);
    expect(world.here()).toEqual(["layer of three", "three"]);
    expect(await world.reserve(1000 * MiB)).toBeUndefined();
    expect(await world.eviction.dropPin("docker.io/library/alpine:3")).toBe(true);
    expect(await world.eviction.dropPin("docker.io/library/alpine:3")).toBe(false);
    expect(await leftOf(world)).toEqual([]);
  });

  test.each([
    ["docker.io/library/alpine:*", ["edge", "three"]],
    ["docker.io/library/*:3", ["three"]],
    ["*/**:3", ["elsewhere", "three"]],
    ["*/library/alpine:ed*", ["edge"]],
    ["ghcr.io/team/other:3", ["elsewhere"]],
    ["quay.io/library/alpine:3", []],
  ])("%s keeps what it fits", async (image, kept) => {
    const world = await withTags();
    await world.pin(image);
    expect(await leftOf(world)).toEqual(kept);
  });

  test("on a digest keeps it, whatever the tags name", async () => {
    const world = await withTags();
    await world.pin(`docker.io/library/alpine@${world.digest("three")}`);
    await world.tag("3", "edge");
    expect(await leftOf(world)).toEqual(["three"]);
  });

  test("on a digest in another repository keeps nothing", async () => {
    const world = await withTags();
    await world.pin(`ghcr.io/team/other@${world.digest("three")}`);
    expect(await leftOf(world)).toEqual([]);
  });

  test("of the configuration is replaced with all others of it, and one that came by the API is not", async () => {
    const world = await withTags();
    await world.eviction.setConfigPins([{ image: "docker.io/library/alpine:3", platforms: undefined }]);
    await world.pin("ghcr.io/team/other:3");
    expect(await world.eviction.dropPin("docker.io/library/alpine:3")).toBe(false);
    await world.eviction.setConfigPins([{ image: "docker.io/library/alpine:edge", platforms: undefined }]);
    expect(await leftOf(world)).toEqual(["edge", "elsewhere"]);
  });

  test("is still one after a restart", async () => {
    const world = await withTags();
    await world.pin("docker.io/library/alpine:3");
    await world.restart();
    expect(world.eviction.pins).toBe(1);
    expect(await leftOf(world)).toEqual(["three"]);
  });

  test("keeps the signature of an image where it fits that, and not where it fits the image only", async () => {
    const world = await World.open();
    await world.putImage("image", { tag: "3" });
    await world.putImage("signature", { layers: {}, subject: "image", tag: "sha256-abc.sig" });
    await world.pin("docker.io/library/alpine:sha256-*");
    expect(await leftOf(world)).toEqual(["signature"]);
  });
});

describe("a pinned index", () => {
  async function withIndex(options: { nested?: boolean } = {}): Promise<World> {
    const world = await World.open();
    await world.putImage("amd64 image");
    await world.putImage("arm64 image");
    await world.putImage("any image");
    const children = { "amd64 image": amd64, "arm64 image": arm64, "any image": undefined };
    await world.putIndex("index", { children, ...(!options.nested && { tag: "latest" }) });
    if (options.nested) await world.putIndex("above", { children: { index: undefined }, tag: "latest" });
    return world;
  }

  test("keeps all that is below it", async () => {
    const world = await withIndex();
    await world.pin("docker.io/library/alpine:latest");
    expect(await leftOf(world)).toEqual(["amd64 image", "any image", "arm64 image", "index"]);
  });

  test("keeps all that is below it by its digest too, and over another index", async () => {
    const world = await withIndex({ nested: true });
    await world.pin(`docker.io/library/alpine@${world.digest("above")}`);
    expect(await leftOf(world)).toEqual(["above", "amd64 image", "any image", "arm64 image", "index"]);
  });

  test("keeps what an index below it says to be for a platform that is wanted", async () => {
    const world = await withIndex({ nested: true });
    await world.pin("docker.io/library/alpine:latest", [arm64]);
    expect(await leftOf(world)).toEqual(["above", "any image", "arm64 image", "index"]);
  });

  test("keeps only the platforms that are wanted, and what says no platform, and itself", async () => {
    const world = await withIndex();
    await world.pin("docker.io/library/alpine:latest", ["linux/x86_64", "linux/riscv64"]);
    expect(await leftOf(world)).toEqual(["amd64 image", "any image", "index"]);
  });

  test("stays though none of its images is wanted", async () => {
    const world = await withIndex();
    await world.putIndex("second", { children: { "arm64 image": arm64 }, tag: "other" });
    await world.pin("docker.io/library/alpine:other", [amd64]);
    expect(await leftOf(world)).toEqual(["second"]);
  });

  test("keeps an image for a platform that one pin of several wants", async () => {
    const world = await withIndex();
    await world.pin("docker.io/library/alpine:latest", [amd64]);
    await world.pin("docker.io/library/*:latest", ["linux/aarch64"]);
    expect(await leftOf(world)).toEqual(["amd64 image", "any image", "arm64 image", "index"]);
  });
});

describe("a pinned tag that has moved", () => {
  test("keeps both versions until the new one is complete, and then the new one alone", async () => {
    const world = await World.open();
    await world.putImage("old", { tag: "3" });
    await world.pin("docker.io/library/alpine:3");
    await world.putImage("new", { layers: { "layer a": MiB, "layer b": MiB }, lacks: ["layer b"], tag: "3" });
    expect(await leftOf(world)).toEqual(["new", "old"]);
    await world.putBlob("layer b", MiB);
    expect(await leftOf(world)).toEqual(["new"]);
  });

  test("keeps the last complete version over several that were never complete", async () => {
    const world = await World.open();
    await world.putImage("oldest", { tag: "3" });
    await world.putImage("old", { tag: "3" });
    await world.pin("docker.io/library/alpine:3");
    for (const name of ["new", "newer"]) await world.putImage(name, { lacks: [`layer of ${name}`], tag: "3" });
    expect(await leftOf(world)).toEqual(["new", "newer", "old"]);
  });

  test("keeps the old images until the new index has theirs, platform by platform as far as they are wanted", async () => {
    const world = await World.open();
    await world.putImage("old amd64");
    await world.putImage("old arm64");
    await world.putIndex("old", { children: { "old amd64": amd64, "old arm64": arm64 }, tag: "3" });
    await world.pin("docker.io/library/alpine:3", [amd64]);
    await world.putIndex("new", { children: { "new amd64": amd64, "new arm64": arm64 }, tag: "3" });
    expect(await leftOf(world)).toEqual(["new", "old", "old amd64"]);
    await world.putImage("new arm64");
    expect(await leftOf(world)).toEqual(["new", "old", "old amd64"]);
    await world.putImage("new amd64", { lacks: ["layer of new amd64"] });
    expect(await leftOf(world)).toEqual(["new", "new amd64", "old", "old amd64"]);
    await world.putBlob("layer of new amd64", MiB);
    expect(await leftOf(world)).toEqual(["new", "new amd64"]);
  });

  test("does not keep the old images for a platform that is not wanted and not here in the new version", async () => {
    const world = await World.open();
    for (const name of ["old amd64", "old arm64", "new amd64"]) await world.putImage(name);
    await world.putIndex("old", { children: { "old amd64": amd64, "old arm64": arm64 }, tag: "3" });
    await world.putIndex("new", { children: { "new amd64": amd64, "new arm64": arm64 }, tag: "3" });
    await world.pin("docker.io/library/alpine:3", [amd64]);
    expect(await leftOf(world)).toEqual(["new", "new amd64"]);
  });

  test("keeps what it names now where it has moved back", async () => {
    const world = await World.open();
    await world.putImage("one", { tag: "3" });
    await world.putImage("two", { tag: "3" });
    await world.pin("docker.io/library/alpine:3");
    await world.tag("3", "one");
    expect(await leftOf(world)).toEqual(["one"]);
  });
});

describe("a tag that is rolled back", () => {
  async function withRollback(): Promise<World> {
    const world = await World.open();
    await world.putImage("good", { tag: "latest" });
    await world.putImage("bad", { tag: "latest" });
    await world.index.holdTag(alpine, latest, world.digest("good"));
    return world;
  }

  test("keeps the digest that it is held at, until it is released", async () => {
    const world = await withRollback();
    expect(world.eviction.explain(world.digest("good"))?.pins).toEqual(["rollback of docker.io/library/alpine:latest"]);
    await world.evict(1);
    expect(world.here()).toContain("good");
    await world.index.holdTag(alpine, latest, undefined);
    expect(await leftOf(world)).toEqual([]);
  });

  test("keeps all below an index that it is held at", async () => {
    const world = await World.open();
    await world.putImage("amd64 image");
    await world.putIndex("good", { children: { "amd64 image": amd64 }, tag: "latest" });
    await world.putImage("bad", { tag: "latest" });
    await world.index.holdTag(alpine, latest, world.digest("good"));
    await world.pin("docker.io/library/alpine:latest");
    expect(await leftOf(world)).toEqual(["amd64 image", "bad", "good"]);
  });

  test("stays rolled back when the version that it was rolled back from leaves", async () => {
    const world = await withRollback();
    await world.pull("good");
    expect(await leftOf(world)).toEqual(["good"]);
    expect(world.index.tag(alpine, "latest" as Tag)?.held).toBe(world.digest("good"));
  });
});
