import { describe, expect, test } from "vitest";
import { alpine, digestFor, edge, openFixture, other, recordManifest } from "./fixtures.ts";

const digest = digestFor("blob");

/** An orphan of five bytes that is doomed. */
async function withDoomed() {
  let now = 1000;
  const { metadata } = await openFixture(() => now);
  await metadata.recordBlob(alpine, digest, 5);
  await metadata.evict({ manifests: [], orphans: [digest] }, "orphan");
  return { metadata, at: (time: number) => void (now = time) };
}

describe("a doomed blob", () => {
  test("counts until its file is gone, and is forgotten then with its repositories", async () => {
    const { metadata } = await withDoomed();
    expect(metadata.blob(digest)).toEqual({ digest, size: 5, state: "doomed" });
    expect(metadata.counts()).toMatchObject({ blobs: 1, storedBytes: 5 });
    expect([metadata.files.doomed(10), metadata.graph.orphans(1e15, 10)]).toEqual([[digest], []]);
    await metadata.recordRemoved([digest]);
    expect([metadata.blob(digest), metadata.files.doomed(10)]).toEqual([undefined, []]);
    expect(metadata.isRecordedMember(alpine, digest)).toBe(false);
    expect(metadata.counts()).toMatchObject({ blobs: 0, storedBytes: 0 });
  });

  test("stays known where a manifest has come to name it", async () => {
    const { metadata } = await withDoomed();
    await recordManifest(metadata, other, { text: "image", edges: [edge("layer", "blob", 5)] });
    expect(metadata.blob(digest)?.state).toBe("doomed");
    await metadata.recordRemoved([digest]);
    expect(metadata.blob(digest)).toEqual({ digest, size: 5, state: "known" });
    expect(metadata.isRecordedMember(alpine, digest)).toBe(true);
    expect(metadata.graph.blobFacts(digest)?.verifiedAt).toBeUndefined();
  });

  test("is present again when it is revived, and was asked for then", async () => {
    const { metadata, at } = await withDoomed();
    at(3000);
    expect(await metadata.revive(digest)).toBe(true);
    expect(metadata.graph.blobFacts(digest)).toMatchObject({ state: "present", accessedAt: 3000, storedAt: 1000 });
    expect(metadata.counts()).toMatchObject({ blobs: 1, storedBytes: 5 });
    await metadata.recordRemoved([digest]);
    expect(metadata.blob(digest)?.state).toBe("present");
  });

  test("is present again when it is filled, with what the new file says", async () => {
    const { metadata, at } = await withDoomed();
    at(3000);
    await metadata.recordBlob(other, digest, 6);
    expect(metadata.blob(digest)).toEqual({ digest, size: 6, state: "present" });
    expect(metadata.counts()).toMatchObject({ blobs: 1, storedBytes: 6 });
    await metadata.recordRemoved([digest]);
    expect(metadata.blob(digest)?.state).toBe("present");
    expect(metadata.graph.blobFacts(digest)).toMatchObject({ verifiedAt: 3000, storedAt: 1000 });
  });

  test("is doomed no more where its file turns out to be gone", async () => {
    const { metadata } = await withDoomed();
    await metadata.forgetFile(digest);
    expect(metadata.blob(digest)?.state).toBe("known");
    expect(metadata.counts()).toMatchObject({ blobs: 0, storedBytes: 0 });
    expect(await metadata.revive(digest)).toBe(false);
  });

  test("is not doomed, and not told of, a second time", async () => {
    const { metadata } = await withDoomed();
    expect(await metadata.evict({ manifests: [], orphans: [digest] }, "orphan")).toEqual({ doomed: [], left: [] });
    expect(metadata.graph.departures({ digest })).toHaveLength(1);
  });
});

describe("a blob that is not doomed", () => {
  test("is not revived, whether it is known, absent, or here", async () => {
    const { metadata } = await openFixture();
    await metadata.recordMember(alpine, digestFor("known"), 5);
    await metadata.recordBlob(alpine, digest, 5);
    expect(await metadata.revive(digestFor("known"))).toBe(false);
    expect(await metadata.revive(digestFor("nowhere"))).toBe(false);
    expect(await metadata.revive(digest)).toBe(false);
    expect(metadata.blob(digestFor("known"))?.state).toBe("known");
  });

  test("is not taken for removed", async () => {
    const { metadata } = await openFixture();
    await metadata.recordMember(alpine, digestFor("known"), 5);
    await metadata.recordBlob(alpine, digest, 5);
    await metadata.recordRemoved([digest, digestFor("known"), digestFor("nowhere")]);
    expect(metadata.blob(digest)?.state).toBe("present");
    expect(metadata.isRecordedMember(alpine, digestFor("known"))).toBe(true);
  });
});

describe("an adopted file", () => {
  test("is present in no repository, was stored when it was written, and is found right now", async () => {
    const { metadata } = await openFixture(() => 9000);
    await metadata.adoptBlob(digest, 5, 4000);
    expect(metadata.graph.blobFacts(digest)).toEqual({
      ...{ digest, size: 5, state: "present", refs: 0, storedAt: 4000, accessedAt: 9000, verifiedAt: 9000 },
    });
    expect(metadata.isMember(alpine, digest)).toBe(false);
    expect(metadata.counts()).toMatchObject({ blobs: 1, storedBytes: 5, repositories: 0 });
    await metadata.adoptBlob(digestFor("of the future"), 5, 20_000);
    expect(metadata.graph.blobFacts(digestFor("of the future"))?.storedAt).toBe(9000);
  });

  test("has the members that are recorded, and the refs of the manifests that name it", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image", edges: [edge("layer", "blob", 5)] });
    await metadata.adoptBlob(digest, 5, 0);
    expect(metadata.isMember(alpine, digest)).toBe(true);
    expect(metadata.graph.blobFacts(digest)).toMatchObject({ state: "present", refs: 1 });
    expect(metadata.graph.orphans(1e15, 10)).toEqual([]);
  });

  test("may be a manifest: it has its edges, and is no orphan", async () => {
    const { metadata } = await openFixture();
    await metadata.adoptBlob(digest, 5, 0);
    const edges = [{ ...edge("child", "child"), platform: "linux/amd64" }];
    await metadata.adoptManifest({ digest, size: 5, mediaType: "type/index", kind: "index", edges }, 4000);
    expect(metadata.manifest(digest)).toEqual({
      digest,
      size: 5,
      mediaType: "type/index",
      kind: "index",
      fetchedAt: 4000,
    });
    expect(metadata.graph.orphans(1e15, 10)).toEqual([]);
    expect(metadata.counts()).toMatchObject({ manifests: 1, repositories: 0 });
    expect(metadata.isMember(alpine, digest)).toBe(false);
  });

  test("completes the edges of a manifest that is known, without another member or another time", async () => {
    const { metadata } = await openFixture();
    const plain = [edge("child", "amd64 image"), edge("child", "arm64 image")];
    await recordManifest(metadata, alpine, { text: "index", edges: plain, at: 3000 });
    const edges = plain.map((one, at) => ({ ...one, platform: ["linux/amd64", "linux/arm64"][at] ?? "" }));
    const row = { digest: digestFor("index"), size: 7, mediaType: "type/index", kind: "index" as const, edges };
    await metadata.adoptManifest(row, 3000);
    const node = metadata.graph.manifest(digestFor("index"));
    const named = metadata.graph.named(node?.id ?? 0).map(({ platform }) => platform);
    expect(named.sort()).toEqual(["linux/amd64", "linux/arm64"]);
    expect(metadata.manifest(digestFor("index"))?.fetchedAt).toBe(3000);
    expect(metadata.graph.blobFacts(digestFor("amd64 image"))?.refs).toBe(1);
  });
});

describe("what upkeep asks", () => {
  test("which files were found right the longest ago", async () => {
    let now = 1000;
    const { metadata } = await openFixture(() => now);
    for (const text of ["a", "b", "c"]) {
      await metadata.recordBlob(alpine, digestFor(text), 5);
      now += 1000;
    }
    const asked = (before: number): unknown[] => metadata.files.toVerify(before, 2).map((row) => row.digest);
    expect(asked(3000)).toEqual([digestFor("a"), digestFor("b")]);
    await metadata.recordVerified([digestFor("a"), digestFor("nowhere")], 4000);
    expect(asked(3000)).toEqual([digestFor("b")]);
    expect(asked(9000)).toEqual([digestFor("b"), digestFor("c")]);
    await metadata.evict({ manifests: [], orphans: [digestFor("b")] }, "orphan");
    await metadata.recordVerified([digestFor("b")], 5000);
    expect(asked(9000)).toEqual([digestFor("c"), digestFor("a")]);
  });

  test("which rows there are under a prefix", async () => {
    const { metadata } = await openFixture();
    const texts = Array.from({ length: 300 }, (_, number) => `blob ${number}`);
    await Promise.all(texts.map((text) => metadata.recordMember(alpine, digestFor(text), undefined)));
    const prefixes = Array.from({ length: 256 }, (_, byte) => `sha256:${byte.toString(16).padStart(2, "0")}`);
    const found = prefixes.map((prefix) => metadata.files.rowsUnder(prefix));
    expect(found.flatMap((rows) => rows.map((row) => row.digest)).sort()).toEqual(texts.map(digestFor).sort());
    for (const [at, rows] of found.entries()) {
      expect(rows.every((row) => row.digest.startsWith(prefixes[at] ?? "?"))).toBe(true);
    }
    expect(metadata.files.rowsUnder("sha512:00")).toEqual([]);
  });

  test("which manifests are here, page by page", async () => {
    const { metadata } = await openFixture();
    for (const text of ["a", "b", "c"]) await recordManifest(metadata, alpine, { text });
    await metadata.forgetFile(digestFor("b"));
    const first = metadata.files.manifestsAfter(0, 1);
    expect(first.map((row) => row.digest)).toEqual([digestFor("a")]);
    expect(metadata.files.manifestsAfter(first[0]?.id ?? 0, 9).map((row) => row.digest)).toEqual([digestFor("c")]);
    expect(metadata.files.hasEdgesToRead()).toBe(false);
  });
});
