import { describe, expect, test } from "vitest";
import type { Metadata } from "../../../src/metadata/index.ts";
import { alpine, digestFor, latest, openFixture, other, recordManifest } from "./fixtures.ts";

/** A tag that has named each of these, a second after the one before. */
async function withMoves(...texts: string[]): Promise<Metadata> {
  const { metadata } = await openFixture();
  const manifests = [...new Set(texts)].map((text) => recordManifest(metadata, alpine, { text }));
  await Promise.all(manifests);
  const moves = texts.map((text, at) => metadata.moveTag(alpine, latest, digestFor(text), (at + 1) * 1000));
  await Promise.all(moves);
  return metadata;
}

describe("the history of a tag", () => {
  test("tells of each digest when the tag came to it and when it was last confirmed, the newest first", async () => {
    const metadata = await withMoves("one");
    await metadata.confirmTag(alpine, latest, 4000);
    await recordManifest(metadata, alpine, { text: "two" });
    await metadata.moveTag(alpine, latest, digestFor("two"), 9000);
    await metadata.confirmTag(alpine, latest, 9500);
    expect(metadata.graph.tagHistory(alpine, latest)).toEqual([
      { digest: digestFor("two"), firstSeen: 9000, lastSeen: 9500, isCurrent: true },
      { digest: digestFor("one"), firstSeen: 1000, lastSeen: 4000, isCurrent: false },
    ]);
    expect(metadata.graph.tagHistory(other, latest)).toEqual([]);
  });

  test("never has a period that ends before it began, even if the clock goes back", async () => {
    const metadata = await withMoves("one");
    await recordManifest(metadata, alpine, { text: "two" });
    await metadata.confirmTag(alpine, latest, 500);
    await metadata.moveTag(alpine, latest, digestFor("two"), 700);
    const [, first] = metadata.graph.tagHistory(alpine, latest);
    expect(first).toMatchObject({ firstSeen: 1000, lastSeen: 1000 });
  });

  test("has a digest as often as the tag has come to it", async () => {
    const metadata = await withMoves("one", "two", "one");
    const history = metadata.graph.tagHistory(alpine, latest);
    expect(history.map(({ digest }) => digest)).toEqual(["one", "two", "one"].map(digestFor));
    expect(history.map(({ isCurrent }) => isCurrent)).toEqual([true, false, false]);
    const relations = metadata.graph.tags(digestFor("one")).map(({ relation }) => relation);
    expect(relations.sort()).toEqual(["current", "earlier"]);
  });

  test("goes back fifty digests, for each tag by itself", async () => {
    const texts = Array.from({ length: 60 }, (_, number) => `version ${number}`);
    const metadata = await withMoves(...texts);
    await metadata.moveTag(alpine, "stable" as never, digestFor("version 0"), 1000);
    const history = metadata.graph.tagHistory(alpine, latest);
    expect(history.map(({ digest }) => digest)).toEqual(texts.slice(10).reverse().map(digestFor));
    expect(metadata.graph.tagHistory(alpine, "stable" as never)).toHaveLength(1);
    expect(metadata.graph.tags(digestFor("version 9"))).toEqual([]);
    expect(metadata.graph.tags(digestFor("version 10"))).toHaveLength(1);
  });

  test("ends its last period where the tag is dropped, and begins another where it comes back", async () => {
    const metadata = await withMoves("one");
    await metadata.confirmTag(alpine, latest, 3000);
    await metadata.dropTag(alpine, latest);
    expect(metadata.graph.tagHistory(alpine, latest)).toEqual([
      { digest: digestFor("one"), firstSeen: 1000, lastSeen: 3000, isCurrent: false },
    ]);
    await metadata.moveTag(alpine, latest, digestFor("one"), 8000);
    expect(metadata.graph.tagHistory(alpine, latest)).toEqual([
      { digest: digestFor("one"), firstSeen: 8000, lastSeen: 8000, isCurrent: true },
      { digest: digestFor("one"), firstSeen: 1000, lastSeen: 3000, isCurrent: false },
    ]);
  });

  test("notes the move to what was only pending until now", async () => {
    const metadata = await withMoves("one");
    await metadata.recordPending(alpine, latest, { digest: digestFor("two"), size: 7, mediaType: "t" }, 2000);
    expect(metadata.graph.tagHistory(alpine, latest)).toHaveLength(1);
    await recordManifest(metadata, alpine, { text: "two", at: 5000 });
    expect(metadata.graph.tagHistory(alpine, latest)).toEqual([
      { digest: digestFor("two"), firstSeen: 5000, lastSeen: 5000, isCurrent: true },
      { digest: digestFor("one"), firstSeen: 1000, lastSeen: 2000, isCurrent: false },
    ]);
  });
});

describe("a tag that is held", () => {
  test("names its digest and the one that it is held at, until it is released", async () => {
    const metadata = await withMoves("good", "bad");
    expect(metadata.graph.anyHeld()).toBe(false);
    await metadata.holdTag(alpine, latest, digestFor("good"));
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("bad"), held: digestFor("good") });
    expect([metadata.graph.anyHeld(), metadata.graph.heldDigest(alpine, latest)]).toEqual([true, digestFor("good")]);
    const relations = metadata.graph.tags(digestFor("good")).map(({ relation }) => relation);
    expect(relations.sort()).toEqual(["earlier", "held"]);
    await metadata.holdTag(alpine, latest, undefined);
    expect(metadata.tag(alpine, latest)?.held).toBeUndefined();
    expect([metadata.graph.anyHeld(), metadata.graph.heldDigest(alpine, latest)]).toEqual([false, undefined]);
  });

  test("stays held when the tag is confirmed, moves, or is to be fetched", async () => {
    const metadata = await withMoves("good", "bad");
    await metadata.holdTag(alpine, latest, digestFor("good"));
    await metadata.confirmTag(alpine, latest, 5000);
    await metadata.recordPending(alpine, latest, { digest: digestFor("worse"), size: 7, mediaType: "t" }, 6000);
    await recordManifest(metadata, alpine, { text: "worse", at: 7000 });
    await metadata.moveTag(alpine, latest, digestFor("bad"), 8000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("bad"), held: digestFor("good") });
  });

  test("is not held at what is not stored, and holds nothing in another repository", async () => {
    const metadata = await withMoves("good", "bad");
    await expect(metadata.holdTag(alpine, latest, digestFor("nowhere"))).rejects.toMatchObject({ kind: "refused" });
    await metadata.holdTag(other, latest, digestFor("good"));
    expect(metadata.graph.anyHeld()).toBe(false);
  });
});
