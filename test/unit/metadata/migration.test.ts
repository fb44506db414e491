import Database from "better-sqlite3";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMetadata, type Metadata } from "../../../src/metadata/index.ts";
import { schemaVersion1 } from "../../../src/metadata/schema.ts";
import { alpine, digestFor, latest, recordManifest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const repositories = `INSERT INTO repository (id, upstream, name) VALUES (1, 'docker.io', 'library/alpine')`;

/** An index of version 1 with one image, of which a layer is missing, under a tag that has moved twice. */
const image = `
  ${repositories};
  INSERT INTO blob (id, digest, size, state, accessed_at, verified_at) VALUES
    (1, '${digestFor("image")}', 7, 'present', 4000, 3000),
    (2, '${digestFor("layer")}', 100, 'present', 5000, NULL),
    (3, '${digestFor("missing")}', 30, 'known', 3000, NULL),
    (4, '${digestFor("orphan")}', 11, 'present', 2000, 2000);
  INSERT INTO manifest (id, media_type, kind, fetched_at, accessed_at, leased_until, pinned)
    VALUES (1, 'type/image', 'image', 3000, 4000, 8000, 1);
  INSERT INTO edge (parent, child, role, size) VALUES (1, 2, 'layer', 100), (1, 3, 'layer', 30);
  INSERT INTO member (repository, blob) VALUES (1, 1), (1, 4);
  INSERT INTO tag (repository, name, manifest, fetched_at, checked_at, first_seen) VALUES (1, 'latest', 1, 3000, 6000, 1000);
  INSERT INTO tag_history (repository, name, digest, at) VALUES
    (1, 'latest', '${digestFor("oldest")}', 1000), (1, 'latest', '${digestFor("old")}', 2000),
    (1, 'latest', '${digestFor("image")}', 3000);
  INSERT INTO listing (repository, kind, key, body, fetched_at) VALUES (1, 'tags', '', '[]', 1000);
  UPDATE meta SET value = 1 WHERE key = 'stoppedCleanly'`;

const index = `
  INSERT INTO blob (id, digest, size, state, accessed_at) VALUES (9, '${digestFor("index")}', 7, 'present', 4000);
  INSERT INTO manifest (id, media_type, kind, fetched_at, accessed_at) VALUES (9, 'type/index', 'index', 3000, 4000);
  INSERT INTO edge (parent, child, role, size) VALUES (9, 1, 'child', 7)`;

function writeVersion1(path: string, ...rows: string[]): void {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.exec(schemaVersion1);
  for (const sql of rows) database.exec(sql);
  database.pragma("user_version = 1");
  database.close();
}

async function openVersion1(...rows: string[]): Promise<{ metadata: Metadata; directory: string }> {
  const directory = await temporaryDirectory();
  writeVersion1(join(directory, "index.db"), ...rows);
  const metadata = await openMetadata({ directory, now: () => 9000 });
  onTestFinished(() => metadata.close());
  return { metadata, directory };
}

describe("an index of version 1", () => {
  test("is brought to this version with all that is in it", async () => {
    const { metadata } = await openVersion1(image);
    expect([metadata.wasStoppedCleanly, metadata.rebuilt]).toEqual([true, undefined]);
    expect(metadata.manifest(digestFor("image"))).toMatchObject({ size: 7, kind: "image", fetchedAt: 3000 });
    expect(metadata.tag(alpine, latest)).toEqual({
      ...{ manifest: digestFor("image"), pending: undefined, held: undefined, goneSince: undefined },
      ...{ fetchedAt: 3000, checkedAt: 6000, firstSeen: 1000 },
    });
    expect(metadata.claimedSize(alpine, digestFor("missing"))).toBe(30);
    expect(metadata.isRecordedMember(alpine, digestFor("orphan"))).toBe(true);
    expect(metadata.listing(alpine, "tags", "")).toEqual({ body: "[]", fetchedAt: 1000 });
    expect(metadata.counts()).toEqual({ blobs: 3, manifests: 1, tags: 1, repositories: 1, storedBytes: 118 });
    expect(metadata.graph.leased(7999)).toMatchObject([{ digest: digestFor("image"), leasedUntil: 8000 }]);
    expect(metadata.graph.pins()).toEqual([]);
  });

  test("knows when its files were stored, and which of them are manifests and which orphans", async () => {
    const { metadata, directory } = await openVersion1(image);
    const stored = ["image", "layer", "orphan", "missing"].map((text) => metadata.graph.blobFacts(digestFor(text)));
    expect(stored.map((facts) => facts?.storedAt)).toEqual([3000, 5000, 2000, undefined]);
    expect(stored.map((facts) => facts?.refs)).toEqual([0, 1, 0, 1]);
    expect(metadata.graph.orphans(1e15, 9).map(({ digest }) => digest)).toEqual([digestFor("orphan")]);
    expect(metadata.files.toVerify(1e15, 9).map(({ digest }) => digest)).toEqual(
      ["layer", "orphan", "image"].map(digestFor),
    );
    const database = new Database(join(directory, "index.db"), { readonly: true });
    expect(database.prepare("SELECT id FROM blob WHERE is_manifest = 1").pluck().all()).toEqual([1]);
    expect(database.pragma("user_version", { simple: true })).toBe(3);
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(database.pragma("foreign_key_check")).toEqual([]);
    database.close();
  });

  test("has the history of its tags, of which only the last period goes on", async () => {
    const { metadata } = await openVersion1(image);
    const history = metadata.graph.tagHistory(alpine, latest);
    expect(history.map(({ digest, firstSeen }) => [digest, firstSeen])).toEqual([
      [digestFor("image"), 3000],
      [digestFor("old"), 2000],
      [digestFor("oldest"), 1000],
    ]);
    expect(history.map(({ isCurrent }) => isCurrent)).toEqual([true, false, false]);
    expect(history[0]?.lastSeen).toBe(6000);
    for (const [at, { lastSeen }] of history.slice(1).entries()) {
      expect(lastSeen).toBeLessThanOrEqual(history[at]?.firstSeen ?? 0);
    }
    expect(metadata.graph.tags(digestFor("old")).map(({ relation }) => relation)).toEqual(["earlier"]);
  });

  test("says that edges are to be read where it has an index, whose platforms it does not know", async () => {
    const { metadata } = await openVersion1(image, index);
    expect(metadata.files.hasEdgesToRead()).toBe(true);
    const id = metadata.graph.manifest(digestFor("index"))?.id ?? -1;
    expect(metadata.graph.named(id)).toEqual([{ digest: digestFor("image"), platform: undefined, isHere: true }]);
    await metadata.recordEdgesRead();
    expect(metadata.files.hasEdgesToRead()).toBe(false);
  });

  test("says that none are where it has none", async () => {
    expect((await openVersion1(image)).metadata.files.hasEdgesToRead()).toBe(false);
    expect((await openVersion1()).metadata.files.hasEdgesToRead()).toBe(false);
  });

  test("takes all that this version writes: totals and references go on from what they were", async () => {
    const { metadata } = await openVersion1(image, index);
    await recordManifest(metadata, alpine, { text: "another", edges: [] });
    await metadata.putPin({ image: "docker.io/library/alpine:3", origin: "config", platforms: ["linux/amd64"] });
    const { doomed } = await metadata.evict({ manifests: ["image", "index"].map(digestFor), orphans: [] }, "budget");
    expect(doomed.map(({ digest }) => digest).sort()).toEqual(["image", "index", "layer"].map(digestFor).sort());
    expect(metadata.counts()).toMatchObject({ blobs: 5, manifests: 1, tags: 0, storedBytes: 132 });
    await metadata.recordRemoved(doomed.map(({ digest }) => digest));
    expect(metadata.counts()).toMatchObject({ blobs: 2, storedBytes: 18 });
    expect(metadata.blob(digestFor("missing"))).toBeUndefined();
  });

  test("is brought to this version as a copy too, where only that is left", async () => {
    const directory = await temporaryDirectory();
    writeVersion1(join(directory, "index.bak"), image);
    const metadata = await openMetadata({ directory });
    expect([metadata.rebuilt?.from, metadata.wasStoppedCleanly]).toEqual(["backup", false]);
    expect(metadata.counts()).toMatchObject({ blobs: 3, storedBytes: 118 });
    await metadata.close();
  });
});
