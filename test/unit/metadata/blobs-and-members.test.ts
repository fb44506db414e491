import { describe, expect, test } from "vitest";
import { alpine, digestFor, edge, openFixture, other, recordManifest } from "./fixtures.ts";

describe("blobs and membership", () => {
  test("are unknown until they are recorded", async () => {
    const { metadata } = await openFixture();
    expect(metadata.blob(digestFor("a"))).toBeUndefined();
    expect(metadata.manifest(digestFor("a"))).toBeUndefined();
    expect(metadata.isMember(alpine, digestFor("a"))).toBe(false);
    expect(metadata.counts()).toEqual({ blobs: 0, manifests: 0, tags: 0, repositories: 0, storedBytes: 0 });
  });

  test("are read back as soon as the write is acknowledged", async () => {
    const { metadata } = await openFixture();
    await metadata.recordBlob(alpine, digestFor("a"), 5);
    expect(metadata.blob(digestFor("a"))).toEqual({ digest: digestFor("a"), size: 5, state: "present" });
    expect(metadata.isMember(alpine, digestFor("a"))).toBe(true);
    expect(metadata.isMember(other, digestFor("a"))).toBe(false);
  });

  test("a proof makes a member without making the blob present", async () => {
    const { metadata } = await openFixture();
    await metadata.recordMember(alpine, digestFor("a"), undefined);
    expect(metadata.blob(digestFor("a"))).toEqual({ digest: digestFor("a"), size: undefined, state: "known" });
    await metadata.recordMember(alpine, digestFor("a"), 9);
    expect(metadata.blob(digestFor("a"))?.size).toBe(9);
    expect(metadata.isRecordedMember(alpine, digestFor("a"))).toBe(true);
  });

  test("a claimed size never replaces the size of the file, and a file's size replaces the claim", async () => {
    const { metadata } = await openFixture();
    await metadata.recordMember(alpine, digestFor("a"), 1);
    await metadata.recordBlob(alpine, digestFor("a"), 5);
    await metadata.recordMember(alpine, digestFor("a"), 2);
    await recordManifest(metadata, alpine, { text: "image", edges: [edge("layer", "a", 3)] });
    expect(metadata.blob(digestFor("a"))).toMatchObject({ size: 5, state: "present" });
    expect(metadata.claimedSize(alpine, digestFor("a"))).toBe(3);
  });

  test("a manifest gives membership to what it names, and its edges make that known", async () => {
    const { metadata } = await openFixture();
    const edges = [edge("config", "c"), edge("layer", "l", 20), edge("layer", "l", 20), edge("subject", "s")];
    await recordManifest(metadata, alpine, { text: "image", edges });
    expect(metadata.manifest(digestFor("image"))).toEqual({
      digest: digestFor("image"),
      size: 7,
      mediaType: "type/image",
      kind: "image",
      fetchedAt: expect.any(Number) as number,
    });
    expect(metadata.blob(digestFor("l"))).toEqual({ digest: digestFor("l"), size: 20, state: "known" });
    expect(metadata.isMember(alpine, digestFor("l"))).toBe(true);
    expect(metadata.isRecordedMember(alpine, digestFor("l"))).toBe(false);
    expect(metadata.isMember(other, digestFor("l"))).toBe(false);
    expect(metadata.isNamedAsBlob(digestFor("l"))).toBe(true);
    expect(metadata.claimedSize(alpine, digestFor("l"))).toBe(20);
    expect(metadata.claimedSize(other, digestFor("l"))).toBeUndefined();
  });

  test("what is named by the manifest that was last asked for is held for as long as that manifest is", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "first", edges: [edge("layer", "shared"), edge("layer", "old")] });
    await recordManifest(metadata, alpine, { text: "second", edges: [edge("layer", "shared")] });
    await recordManifest(metadata, other, { text: "first", edges: [edge("layer", "shared"), edge("layer", "old")] });
    const held = (text: string): boolean => metadata.held(alpine, digestFor(text)) !== undefined;
    expect(held("first")).toBe(true);
    expect([held("shared"), held("old"), held("strange")]).toEqual([true, true, false]);
    await metadata.evict({ manifests: [digestFor("first")], orphans: [] }, "budget");
    expect([held("shared"), held("old")]).toEqual([true, false]);
    expect(metadata.held(other, digestFor("shared"))).toBeUndefined();
  });

  test("a subject gives no membership", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, {
      text: "signature",
      edges: [edge("subject", "image"), edge("layer", "l")],
    });
    expect(metadata.isMember(alpine, digestFor("image"))).toBe(false);
    expect(metadata.isNamedAsBlob(digestFor("image"))).toBe(false);
  });

  test("an index gives membership down to the layers of a stored child, and no further than four manifests", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, other, { text: "m0", edges: [edge("layer", "l0")] });
    for (let depth = 1; depth <= 4; depth += 1) {
      const edges = [edge("child", `m${depth - 1}`), edge("layer", `l${depth}`)];
      const repository = depth === 4 ? alpine : other;
      await recordManifest(metadata, repository, { text: `m${depth}`, edges });
    }
    expect(metadata.isMember(alpine, digestFor("l1"))).toBe(true);
    expect(metadata.isMember(alpine, digestFor("m0"))).toBe(true);
    expect(metadata.claimedSize(alpine, digestFor("l1"))).toBe(10);
    expect(metadata.isMember(alpine, digestFor("l0"))).toBe(false);
  });

  test("answers alike for a blob that a few and that many manifests name", async () => {
    const { metadata } = await openFixture();
    const images = Array.from({ length: 300 }, (_, number) => `image ${number}`);
    const edges = [edge("layer", "everywhere", 20)];
    await Promise.all(images.map((text) => recordManifest(metadata, other, { text, edges })));
    await recordManifest(metadata, alpine, { text: "index", edges: [edge("child", "image 7")] });
    const elsewhere = { ...alpine, upstream: "quay.io" };
    await metadata.recordBlob(elsewhere, digestFor("x"), 1);
    expect(metadata.isMember(alpine, digestFor("everywhere"))).toBe(true);
    expect(metadata.claimedSize(alpine, digestFor("everywhere"))).toBe(20);
    expect(metadata.isMember(elsewhere, digestFor("everywhere"))).toBe(false);
    expect(metadata.claimedSize(elsewhere, digestFor("everywhere"))).toBeUndefined();
    expect(metadata.isMember(other, digestFor("everywhere"))).toBe(true);
    const row = metadata.blob(digestFor("everywhere"));
    expect(metadata.held(other, digestFor("everywhere"))).toEqual({ ...row, isManifest: false, isRecorded: false });
    expect(metadata.held(elsewhere, digestFor("everywhere"))).toBeUndefined();
  });

  test("a manifest that is named as a child only is not known as a blob", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "index", edges: [edge("child", "image")] });
    expect(metadata.isNamedAsBlob(digestFor("image"))).toBe(false);
    expect(metadata.isMember(alpine, digestFor("image"))).toBe(true);
    expect(metadata.claimedSize(alpine, digestFor("image"))).toBeUndefined();
    expect(metadata.manifest(digestFor("image"))).toBeUndefined();
  });

  test("a manifest stored by another repository already is only given one member more", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image", edges: [edge("layer", "l")] });
    const before = metadata.counts();
    await recordManifest(metadata, other, { text: "image", edges: [edge("layer", "l")] });
    expect(metadata.isMember(other, digestFor("l"))).toBe(true);
    expect(metadata.counts()).toEqual({ ...before, repositories: 2 });
  });

  test("a file that is gone leaves a known row, and its manifest is not served from it", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image", edges: [edge("layer", "l")] });
    expect(metadata.counts()).toMatchObject({ blobs: 1, storedBytes: 7 });
    await metadata.forgetFile(digestFor("image"));
    expect(metadata.blob(digestFor("image"))?.state).toBe("known");
    expect(metadata.manifest(digestFor("image"))).toBeUndefined();
    expect(metadata.isMember(alpine, digestFor("l"))).toBe(true);
    expect(metadata.counts()).toMatchObject({ blobs: 0, storedBytes: 0 });
    await recordManifest(metadata, alpine, { text: "image", edges: [edge("layer", "l")] });
    expect(metadata.manifest(digestFor("image"))).toBeDefined();
  });

  test("hostile names are values, never SQL", async () => {
    const { metadata } = await openFixture();
    const hostile = { upstream: "x'); DROP TABLE blob; --", name: alpine.name };
    await metadata.recordBlob(hostile, digestFor("a"), 1);
    expect(metadata.isMember(hostile, digestFor("a"))).toBe(true);
    expect(metadata.counts().blobs).toBe(1);
  });
});
