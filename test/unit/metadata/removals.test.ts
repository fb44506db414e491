import { describe, expect, test } from "vitest";
import { alpine, digestFor, edge, latest, openFixture, other, recordManifest } from "./fixtures.ts";

const day = 86_400_000;
const image = [edge("config", "config", 1), edge("layer", "base", 10), edge("layer", "own", 20)];

async function withImage(at = 5000) {
  let now = at;
  const { metadata } = await openFixture(() => now);
  for (const { digest, size } of image) await metadata.recordBlob(alpine, digest, size);
  await recordManifest(metadata, alpine, { text: "image", edges: image });
  await recordManifest(metadata, other, { text: "needing base", edges: [edge("layer", "base", 10)] });
  const advance = (ms: number): void => void (now += ms);
  return { metadata, advance };
}

describe("a manifest that is evicted", () => {
  test("takes its row, its edges and its tags with it, and dooms what nothing else needs", async () => {
    const { metadata } = await withImage();
    await metadata.moveTag(alpine, latest, digestFor("image"), 2000);
    await metadata.moveTag(other, latest, digestFor("needing base"), 2000);
    const { doomed, left } = await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, "budget");
    expect(new Map(doomed.map(({ digest, size }) => [digest, size]))).toEqual(
      new Map([
        [digestFor("image"), 7],
        [digestFor("config"), 1],
        [digestFor("own"), 20],
      ]),
    );
    expect(left).toEqual([{ digest: digestFor("image"), image: "docker.io/library/alpine:latest", bytes: 28 }]);
    expect([metadata.manifest(digestFor("image")), metadata.tag(alpine, latest)]).toEqual([undefined, undefined]);
    expect(metadata.tag(other, latest)?.manifest).toBe(digestFor("needing base"));
    const states = ["image", "config", "own", "base"].map((text) => metadata.blob(digestFor(text))?.state);
    expect(states).toEqual(["doomed", "doomed", "doomed", "present"]);
    expect(metadata.isNamedAsBlob(digestFor("own"))).toBe(false);
    expect(metadata.counts()).toMatchObject({ manifests: 1, tags: 1, blobs: 5, storedBytes: 45 });
  });

  test("leaves no row behind once its files are gone, unless something still names it", async () => {
    const { metadata } = await withImage();
    await recordManifest(metadata, alpine, { text: "index", edges: [edge("child", "image", 7)] });
    const { doomed } = await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, "budget");
    await metadata.recordRemoved(doomed.map(({ digest }) => digest));
    expect(metadata.blob(digestFor("own"))).toBeUndefined();
    expect(metadata.isMember(alpine, digestFor("own"))).toBe(false);
    expect(metadata.blob(digestFor("image"))).toMatchObject({ state: "known", size: 7 });
    expect(metadata.isMember(alpine, digestFor("image"))).toBe(true);
    expect(metadata.counts()).toMatchObject({ manifests: 2, blobs: 3, storedBytes: 24 });
  });

  test("forgets at once what it alone named and was never here, and keeps what others name", async () => {
    const { metadata } = await openFixture();
    const edges = [edge("layer", "shared"), edge("layer", "own")];
    await recordManifest(metadata, alpine, { text: "one", edges });
    await recordManifest(metadata, alpine, { text: "two", edges: edges.slice(0, 1) });
    await metadata.evict({ manifests: [digestFor("one")], orphans: [] }, "budget");
    expect(metadata.blob(digestFor("own"))).toBeUndefined();
    expect(metadata.blob(digestFor("shared"))?.state).toBe("known");
  });

  test("forgets a subject that was never here, and leaves one that is", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "here" });
    await recordManifest(metadata, alpine, { text: "signature", edges: [edge("subject", "here")] });
    await recordManifest(metadata, alpine, { text: "attestation", edges: [edge("subject", "nowhere")] });
    const manifests = [digestFor("signature"), digestFor("attestation")];
    await metadata.evict({ manifests, orphans: [] }, "budget");
    expect(metadata.manifest(digestFor("here"))).toBeDefined();
    expect(metadata.blob(digestFor("nowhere"))).toBeUndefined();
  });

  test("may be one whose file is gone already", async () => {
    const { metadata } = await withImage();
    await metadata.forgetFile(digestFor("image"));
    const { doomed, left } = await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, "budget");
    expect(doomed.map(({ size }) => size).sort()).toEqual([1, 20]);
    expect(left.map(({ bytes }) => bytes)).toEqual([21]);
    expect(metadata.blob(digestFor("image"))).toBeUndefined();
  });

  test("keeps its bytes where another manifest names them as a layer", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "inner" });
    await recordManifest(metadata, alpine, { text: "outer", edges: [edge("layer", "inner", 7)] });
    await metadata.evict({ manifests: [digestFor("inner")], orphans: [] }, "budget");
    expect(metadata.manifest(digestFor("inner"))).toBeUndefined();
    expect(metadata.blob(digestFor("inner"))?.state).toBe("present");
  });

  test("that is named as a layer stays a manifest when that image goes", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "inner" });
    await recordManifest(metadata, alpine, { text: "outer", edges: [edge("layer", "inner", 7)] });
    await metadata.evict({ manifests: [digestFor("outer")], orphans: [] }, "budget");
    expect(metadata.manifest(digestFor("inner"))).toBeDefined();
  });

  test("is no longer what a tag waits for, or is held at", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await recordManifest(metadata, alpine, { text: "new" });
    await metadata.moveTag(alpine, latest, digestFor("new"), 2000);
    await metadata.holdTag(alpine, latest, digestFor("old"));
    await metadata.evict({ manifests: [digestFor("old")], orphans: [] }, "operator");
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("new"), held: undefined });
    expect([metadata.graph.anyHeld(), metadata.graph.heldDigest(alpine, latest)]).toEqual([false, undefined]);
  });

  test("leaves a tag held at another version held", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await recordManifest(metadata, alpine, { text: "new" });
    await metadata.moveTag(alpine, latest, digestFor("new"), 2000);
    await metadata.holdTag(alpine, latest, digestFor("old"));
    await metadata.evict({ manifests: [digestFor("new")], orphans: [] }, "budget");
    expect(metadata.graph.heldDigest(alpine, latest)).toBe(digestFor("old"));
  });

  test("ends the period in which its tag named it, when that was last confirmed", async () => {
    const { metadata } = await withImage(9000);
    await metadata.moveTag(alpine, latest, digestFor("image"), 2000);
    await metadata.confirmTag(alpine, latest, 2500);
    await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, "budget");
    const period = { digest: digestFor("image"), firstSeen: 2000, lastSeen: 2500, isCurrent: false };
    expect(metadata.graph.tagHistory(alpine, latest)).toEqual([period]);
    expect(metadata.graph.tags(digestFor("image"))).toEqual([{ repository: alpine, tag: latest, relation: "earlier" }]);
  });

  test("is not there, or is a blob that nobody needs less for it: nothing happens", async () => {
    const { metadata } = await withImage();
    const before = metadata.counts();
    const victims = { manifests: [digestFor("nowhere")], orphans: [digestFor("base"), digestFor("nowhere")] };
    expect(await metadata.evict(victims, "budget")).toEqual({ doomed: [], left: [] });
    expect(await metadata.evict({ manifests: [], orphans: [digestFor("image")] }, "budget")).toEqual({
      doomed: [],
      left: [],
    });
    expect(metadata.counts()).toEqual(before);
  });

  test("can be recorded anew, as if it had never been here", async () => {
    const { metadata } = await withImage();
    const { doomed } = await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, "budget");
    await recordManifest(metadata, alpine, { text: "image", edges: image });
    expect(metadata.manifest(digestFor("image"))).toBeDefined();
    expect(metadata.blob(digestFor("own"))?.state).toBe("doomed");
    await metadata.recordRemoved(doomed.map(({ digest }) => digest));
    expect(metadata.blob(digestFor("image"))?.state).toBe("present");
    expect(metadata.blob(digestFor("own"))).toMatchObject({ state: "known", size: 20 });
    expect(metadata.isNamedAsBlob(digestFor("own"))).toBe(true);
  });
});

describe("what has left", () => {
  test("is remembered by digest and by name: why, how many bytes, when; the last first", async () => {
    const { metadata, advance } = await withImage();
    const named = { image: "docker.io/library/alpine:latest" };
    for (const reason of ["budget", "operator"]) {
      await recordManifest(metadata, alpine, { text: "image", edges: image });
      await metadata.moveTag(alpine, latest, digestFor("image"), 2000);
      const { doomed } = await metadata.evict({ manifests: [digestFor("image")], orphans: [] }, reason);
      await metadata.recordRemoved(doomed.map(({ digest }) => digest));
      advance(1000);
    }
    const departure = { digest: digestFor("image"), ...named };
    const expected = [
      { ...departure, reason: "operator", bytes: 7, at: 6000 },
      { ...departure, reason: "budget", bytes: 28, at: 5000 },
    ];
    expect(metadata.graph.departures({ digest: digestFor("image") })).toEqual(expected);
    expect(metadata.graph.departures(named)).toEqual(expected);
    expect(metadata.graph.departures({ image: "ghcr.io/team/other:latest" })).toEqual([]);
  });

  test("has the name of a repository where it had no tag, and none where it had no repository", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "image" });
    await metadata.adoptBlob(digestFor("adopted"), 7, 0);
    await metadata.adoptManifest(
      { digest: digestFor("adopted"), size: 7, mediaType: "t", kind: "image", edges: [] },
      1,
    );
    await metadata.recordBlob(alpine, digestFor("blob"), 5);
    const manifests = [digestFor("image"), digestFor("adopted")];
    const { left } = await metadata.evict({ manifests, orphans: [digestFor("blob")] }, "orphan");
    expect(left).toEqual([
      { digest: digestFor("image"), image: `docker.io/library/alpine@${digestFor("image")}`, bytes: 7 },
      { digest: digestFor("adopted"), image: undefined, bytes: 7 },
      { digest: digestFor("blob"), image: undefined, bytes: 5 },
    ]);
  });

  test("is forgotten after thirty days", async () => {
    const { metadata, advance } = await withImage();
    const evict = (text: string) => metadata.evict({ manifests: [digestFor(text)], orphans: [] }, "budget");
    await evict("image");
    advance(30 * day);
    await evict("nowhere");
    expect(metadata.graph.departures({ digest: digestFor("image") })).toHaveLength(1);
    advance(1);
    await evict("nowhere");
    expect(metadata.graph.departures({ digest: digestFor("image") })).toEqual([]);
  });
});
