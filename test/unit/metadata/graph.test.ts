import { describe, expect, test } from "vitest";
import type { Digest } from "../../../src/oci/index.ts";
import { alpine, digestFor, edge, openFixture, other, recordManifest } from "./fixtures.ts";

const textsOf = (texts: readonly string[], rows: readonly { digest: Digest }[]): (string | undefined)[] =>
  rows.map(({ digest }) => texts.find((text) => digestFor(text) === digest));

describe("the queue", () => {
  test("is read page by page, each manifest once, also where many were pulled at the same time", async () => {
    const { metadata } = await openFixture();
    const texts = Array.from({ length: 25 }, (_, number) => `image ${number}`);
    await Promise.all(texts.map((text, at) => recordManifest(metadata, alpine, { text, at: at < 20 ? 1000 : 500 })));
    const read: string[] = [];
    for (let page = metadata.graph.queue(undefined, 4); page.length > 0; page = metadata.graph.queue(page.at(-1), 4)) {
      expect(page.length).toBeLessThanOrEqual(4);
      read.push(...textsOf(texts, page).map(String));
    }
    expect(read).toEqual([...texts.slice(20), ...texts.slice(0, 20)]);
  });

  test("has no index that has an image of its own here, and ranks as it is read", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image", at: 3000 });
    await recordManifest(metadata, alpine, { text: "index", edges: [edge("child", "image")], at: 1000 });
    await recordManifest(metadata, alpine, { text: "empty index", edges: [edge("child", "nowhere")], at: 2000 });
    const texts = ["image", "index", "empty index"];
    expect(textsOf(texts, metadata.graph.queue(undefined, 9))).toEqual(["empty index", "image"]);
    expect([1000, 2000, 2001, 3001].map((at) => metadata.graph.rank(at))).toEqual([0, 0, 1, 2]);
  });

  test("moves with every touch, forwards only", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "one", at: 1000 });
    await recordManifest(metadata, alpine, { text: "two", at: 2000 });
    metadata.touch(digestFor("one"), 3000);
    metadata.touch(digestFor("two"), 500);
    await metadata.flushTouches();
    expect(textsOf(["one", "two"], metadata.graph.queue(undefined, 9))).toEqual(["two", "one"]);
    expect(metadata.graph.manifest(digestFor("two"))?.accessedAt).toBe(2000);
  });
});

describe("the graph", () => {
  test("tells what names what, and for which platform", async () => {
    const { metadata } = await openFixture();
    const layers = [edge("config", "config", 1), edge("layer", "base", 10), edge("layer", "config", 1)];
    await recordManifest(metadata, alpine, { text: "image", edges: layers });
    await recordManifest(metadata, other, { text: "image", edges: layers });
    await recordManifest(metadata, alpine, {
      text: "signature",
      edges: [edge("subject", "image"), edge("layer", "base")],
    });
    const children = [{ ...edge("child", "image"), platform: "linux/amd64" }, edge("child", "nowhere")];
    await recordManifest(metadata, alpine, { text: "index", edges: children });
    const { graph } = metadata;
    const idOf = (text: string): number => graph.manifest(digestFor(text))?.id ?? -1;
    const blobs = graph.blobs(idOf("image")).map(({ digest, size, refs, uses }) => ({ digest, size, refs, uses }));
    expect(new Set(blobs)).toEqual(
      new Set([
        { digest: digestFor("config"), size: 1, refs: 2, uses: 2 },
        { digest: digestFor("base"), size: 10, refs: 2, uses: 1 },
      ]),
    );
    expect(graph.children(idOf("index"))).toMatchObject([{ digest: digestFor("image"), platform: "linux/amd64" }]);
    expect(graph.parents(idOf("image"))).toMatchObject([{ digest: digestFor("index"), platform: "linux/amd64" }]);
    expect(graph.referrers(idOf("image"))).toMatchObject([{ digest: digestFor("signature") }]);
    expect([graph.referrers(idOf("index")), graph.parents(idOf("signature"))]).toEqual([[], []]);
    const named = graph.named(idOf("index"));
    expect(named).toHaveLength(2);
    expect(named).toContainEqual({ digest: digestFor("nowhere"), platform: undefined, isHere: false });
    expect(textsOf(["image", "signature"], graph.users(digestFor("base"), 9)).sort()).toEqual(["image", "signature"]);
    expect(graph.users(digestFor("base"), 1)).toHaveLength(1);
    expect(graph.users(digestFor("image"), 9)).toEqual([]);
    expect(graph.repositories(digestFor("image"), 9)).toEqual([alpine, other]);
    expect(graph.repositories(digestFor("image"), 1)).toHaveLength(1);
    expect(graph.repositories(digestFor("base"), 9)).toEqual([]);
  });

  test("knows of a child that it is here only while its bytes are", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image" });
    await recordManifest(metadata, alpine, { text: "index", edges: [edge("child", "image")] });
    const id = metadata.graph.manifest(digestFor("index"))?.id ?? -1;
    expect(metadata.graph.named(id).map(({ isHere }) => isHere)).toEqual([true]);
    await metadata.forgetFile(digestFor("image"));
    expect(metadata.graph.named(id).map(({ isHere }) => isHere)).toEqual([false]);
    expect(metadata.graph.children(id)).toMatchObject([{ state: "known" }]);
  });

  test("has as orphans what is here and no manifest names, the longest unasked first", async () => {
    let now = 1000;
    const { metadata } = await openFixture(() => now);
    for (const text of ["b", "a", "named", "signed"]) {
      await metadata.recordBlob(alpine, digestFor(text), 5);
      now += 1000;
    }
    await metadata.recordMember(alpine, digestFor("known"), 5);
    await recordManifest(metadata, alpine, {
      text: "image",
      edges: [edge("layer", "named"), edge("subject", "signed")],
    });
    const texts = ["a", "b", "named", "signed", "known", "image"];
    expect(textsOf(texts, metadata.graph.orphans(1e15, 9))).toEqual(["b", "a", "signed"]);
    expect(textsOf(texts, metadata.graph.orphans(2000, 9))).toEqual(["b"]);
    expect(textsOf(texts, metadata.graph.orphans(1e15, 1))).toEqual(["b"]);
  });

  test("has the leases that last, the next to end first", async () => {
    const { metadata } = await openFixture();
    for (const text of ["a", "b", "c"]) await recordManifest(metadata, alpine, { text });
    metadata.touch(digestFor("a"), 2000, 9000);
    metadata.touch(digestFor("b"), 2000, 5000);
    metadata.touch(digestFor("a"), 3000);
    await metadata.flushTouches();
    expect(textsOf(["a", "b", "c"], metadata.graph.leased(2000))).toEqual(["b", "a"]);
    expect(textsOf(["a", "b", "c"], metadata.graph.leased(5000))).toEqual(["a"]);
  });
});

describe("pins", () => {
  test("of the configuration and of the API are kept apart, though they are for the same image", async () => {
    const { metadata } = await openFixture();
    const image = "docker.io/library/alpine:3";
    await metadata.setConfigPins([{ image, platforms: ["linux/amd64", "linux/arm64"] }]);
    await metadata.putPin({ image, origin: "api", platforms: undefined });
    await metadata.putPin({ image, origin: "api", platforms: ["linux/386"] });
    expect(metadata.graph.pins()).toEqual([
      { image, origin: "api", platforms: ["linux/386"] },
      { image, origin: "config", platforms: ["linux/amd64", "linux/arm64"] },
    ]);
    expect(await metadata.dropPin(image)).toBe(true);
    expect(await metadata.dropPin(image)).toBe(false);
    expect(metadata.graph.pins().map(({ origin }) => origin)).toEqual(["config"]);
  });

  test("of the configuration are replaced as a whole", async () => {
    const { metadata } = await openFixture();
    await metadata.putPin({ image: "a", origin: "api", platforms: undefined });
    await metadata.setConfigPins(["b", "c"].map((image) => ({ image, platforms: undefined })));
    await metadata.setConfigPins(["c", "d"].map((image) => ({ image, platforms: undefined })));
    expect(metadata.graph.pins().map(({ image, origin }) => `${origin} ${image}`)).toEqual([
      "api a",
      "config c",
      "config d",
    ]);
    await metadata.setConfigPins([]);
    expect(metadata.graph.pins().map(({ image }) => image)).toEqual(["a"]);
  });
});
