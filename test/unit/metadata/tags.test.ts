import Database from "better-sqlite3";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { alpine, digestFor, latest, openFixture, other, recordManifest } from "./fixtures.ts";

const pending = { digest: digestFor("new"), size: 70, mediaType: "type/image" };

describe("tags and listings", () => {
  test("a tag names a stored manifest", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    const row = { manifest: digestFor("old"), pending: undefined, goneSince: undefined };
    expect(metadata.tag(alpine, latest)).toEqual({ ...row, fetchedAt: 2000, checkedAt: 2000, firstSeen: 2000 });
    expect(metadata.tag(other, latest)).toBeUndefined();
  });

  test("a tag cannot name a manifest that is not stored", async () => {
    const { metadata } = await openFixture();
    await metadata.recordBlob(alpine, digestFor("a layer"), 1);
    await expect(metadata.moveTag(alpine, latest, digestFor("a layer"), 1)).rejects.toMatchObject({ kind: "refused" });
    expect(metadata.tag(alpine, latest)).toBeUndefined();
  });

  test("a confirmed tag keeps the time at which it came to its digest", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.confirmTag(alpine, latest, 3000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ fetchedAt: 2000, checkedAt: 3000, firstSeen: 2000 });
    await metadata.moveTag(alpine, latest, digestFor("old"), 4000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ fetchedAt: 2000, checkedAt: 4000, firstSeen: 2000 });
  });

  test("a pending digest waits beside the manifest, and the tag moves when it is stored", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.recordPending(alpine, latest, pending, 3000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("old"), pending, checkedAt: 3000 });
    await recordManifest(metadata, other, { text: "new", at: 3500 });
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("old"), pending });
    await recordManifest(metadata, alpine, { text: "new", at: 4000 });
    const moved = { manifest: digestFor("new"), pending: undefined, fetchedAt: 4000, checkedAt: 3000, firstSeen: 2000 };
    expect(metadata.tag(alpine, latest)).toMatchObject(moved);
  });

  test("a pending digest that is held does not move the tag when it is fetched, until its time has come", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.recordPending(alpine, latest, pending, 3000, 1000);
    await recordManifest(metadata, alpine, { text: "new", at: 3999 });
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: digestFor("old"), pending, pendingSince: 3000 });
    await recordManifest(metadata, alpine, { text: "new", at: 4000 });
    const moved = { manifest: digestFor("new"), pending: undefined, pendingSince: undefined };
    expect(metadata.tag(alpine, latest)).toMatchObject(moved);
  });

  test("a pending digest counts from its first sight, and begins anew when another came in between", async () => {
    const { metadata } = await openFixture();
    const since = async (text: string, at: number): Promise<number | undefined> => {
      await metadata.recordPending(alpine, latest, { ...pending, digest: digestFor(text) }, at, 1000);
      return metadata.tag(alpine, latest)?.pendingSince;
    };
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    expect(await since("new", 3000)).toBe(3000);
    expect(await since("new", 3500)).toBe(3000);
    expect(await since("newer", 3600)).toBe(3600);
    expect(await since("new", 3700)).toBe(3700);
    expect(await since("old", 3800)).toBeUndefined();
    expect(await since("new", 3900)).toBe(3900);
  });

  test("a tag seen by HEAD alone has no manifest yet", async () => {
    const { metadata } = await openFixture();
    await metadata.recordPending(alpine, latest, pending, 3000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ manifest: undefined, pending, fetchedAt: 0, firstSeen: 3000 });
  });

  test("a pending digest that is the tag's manifest after all confirms the tag", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.recordPending(alpine, latest, pending, 3000);
    await metadata.recordPending(alpine, latest, { ...pending, digest: digestFor("old") }, 4000);
    const row = { manifest: digestFor("old"), pending: undefined, fetchedAt: 2000, checkedAt: 4000 };
    expect(metadata.tag(alpine, latest)).toMatchObject(row);
  });

  test("the mark of a gone tag keeps its first time until the tag is seen again", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.markTagGone(alpine, latest, 3000);
    await metadata.markTagGone(alpine, latest, 4000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ goneSince: 3000, checkedAt: 2000 });
    await metadata.confirmTag(alpine, latest, 5000);
    expect(metadata.tag(alpine, latest)).toMatchObject({ goneSince: undefined });
  });

  test("a dropped tag is gone, and its manifest stays", async () => {
    const { metadata } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    expect(metadata.counts().tags).toBe(1);
    await metadata.dropTag(alpine, latest);
    await metadata.dropTag(other, latest);
    expect(metadata.tag(alpine, latest)).toBeUndefined();
    expect(metadata.counts().tags).toBe(0);
    expect(metadata.manifest(digestFor("old"))).toBeDefined();
  });

  test("every move is in the history, a confirmation is not", async () => {
    const { metadata, directory } = await openFixture();
    await recordManifest(metadata, alpine, { text: "old" });
    await metadata.moveTag(alpine, latest, digestFor("old"), 2000);
    await metadata.moveTag(alpine, latest, digestFor("old"), 2500);
    await metadata.recordPending(alpine, latest, pending, 3000);
    await recordManifest(metadata, alpine, { text: "new", at: 4000 });
    const database = new Database(join(directory, "index.db"), { readonly: true });
    const history = database.prepare("SELECT name, digest, first_seen, last_seen FROM tag_history ORDER BY id").all();
    database.close();
    expect(history).toEqual([
      { name: "latest", digest: digestFor("old"), first_seen: 2000, last_seen: 3000 },
      { name: "latest", digest: digestFor("new"), first_seen: 4000, last_seen: null },
    ]);
  });

  test("a listing is replaced, read by its key, and dropped", async () => {
    const { metadata } = await openFixture();
    await metadata.recordListing(alpine, "tags", "", "[1]", 1000);
    await metadata.recordListing(alpine, "tags", "", "[2]", 2000);
    expect(metadata.listing(alpine, "tags", "")).toEqual({ body: "[2]", fetchedAt: 2000 });
    expect(metadata.listing(alpine, "referrers", "")).toBeUndefined();
    await metadata.dropListing(alpine, "tags", "");
    expect(metadata.listing(alpine, "tags", "")).toBeUndefined();
  });
});
