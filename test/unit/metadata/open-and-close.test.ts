import Database from "better-sqlite3";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openMetadata } from "../../../src/metadata/index.ts";
import { linesUntilKilled } from "./child-process.ts";
import { alpine, digestFor, openFixture, recordManifest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("the index", () => {
  test("is the same after it was closed and opened again, and knows that it was closed", async () => {
    const directory = await temporaryDirectory();
    const first = await openMetadata({ directory });
    expect(first.wasStoppedCleanly).toBe(false);
    await recordManifest(first, alpine, { text: "image" });
    await first.close();
    const second = await openMetadata({ directory });
    expect(second.wasStoppedCleanly).toBe(true);
    expect(second.manifest(digestFor("image"))).toBeDefined();
    await second.close();
  });

  test("leaves one file and its copy behind, and the copy does not claim a clean stop", async () => {
    const directory = await temporaryDirectory();
    const metadata = await openMetadata({ directory });
    await metadata.recordBlob(alpine, digestFor("a"), 1);
    await metadata.close();
    expect((await readdir(directory)).sort()).toEqual(["index.bak", "index.db"]);
    const copy = new Database(join(directory, "index.bak"), { readonly: true });
    expect(copy.prepare("SELECT digest FROM blob").pluck().all()).toEqual([digestFor("a")]);
    expect(copy.prepare("SELECT value FROM meta WHERE key = 'stoppedCleanly'").pluck().get()).toBe(0);
    copy.close();
  });

  test("copies itself on demand, over an earlier copy", async () => {
    const { metadata, directory } = await openFixture();
    await metadata.backup();
    await metadata.recordBlob(alpine, digestFor("a"), 1);
    await writeFile(join(directory, "index.bak.tmp"), "left by a crash");
    await metadata.backup();
    const copy = new Database(join(directory, "index.bak"), { readonly: true });
    expect(copy.prepare("SELECT count(*) FROM blob").pluck().get()).toBe(1);
    copy.close();
    expect(await readdir(directory)).not.toContain("index.bak.tmp");
  });

  test("is closed, and cleanly, even if no copy of it can be made", async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, "index.bak", "in the way"), { recursive: true });
    const first = await openMetadata({ directory });
    await first.recordBlob(alpine, digestFor("a"), 1);
    await expect(first.close()).rejects.toMatchObject({ kind: "io" });
    const second = await openMetadata({ directory });
    expect(second.wasStoppedCleanly).toBe(true);
    expect(second.blob(digestFor("a"))).toBeDefined();
    await expect(second.close()).rejects.toThrow();
  });

  test("finishes at close what was sent before, and refuses what comes later", async () => {
    const directory = await temporaryDirectory();
    const first = await openMetadata({ directory });
    const write = first.recordBlob(alpine, digestFor("a"), 1);
    await Promise.all([first.close(), first.close()]);
    await write;
    await expect(first.recordBlob(alpine, digestFor("b"), 1)).rejects.toMatchObject({ kind: "closed" });
    const second = await openMetadata({ directory });
    expect(second.blob(digestFor("a"))?.state).toBe("present");
    await second.close();
  });

  test("writes the latest access times at close, and none that goes back", async () => {
    const directory = await temporaryDirectory();
    const metadata = await openMetadata({ directory, now: () => 5000 });
    await recordManifest(metadata, alpine, { text: "image", at: 5000 });
    await metadata.recordBlob(alpine, digestFor("a"), 1);
    metadata.touch(digestFor("image"), 9000);
    metadata.touch(digestFor("image"), 8000);
    metadata.touch(digestFor("a"), 4000);
    await metadata.close();
    const database = new Database(join(directory, "index.db"), { readonly: true });
    expect(database.prepare("SELECT accessed_at FROM blob ORDER BY id").pluck().all()).toEqual([9000, 5000]);
    expect(database.prepare("SELECT accessed_at FROM manifest").pluck().all()).toEqual([9000]);
    database.close();
  });

  test("refuses the index of a newer version in words and leaves it alone", async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, "index.db");
    const newer = new Database(path);
    newer.pragma("user_version = 99");
    newer.close();
    await expect(openMetadata({ directory })).rejects.toMatchObject({ kind: "newer-format" });
    const database = new Database(path);
    expect(database.pragma("user_version", { simple: true })).toBe(99);
    database.close();
  });

  test("sets a file aside which is no index, and begins anew", async () => {
    const directory = await temporaryDirectory();
    const damaged = "no database, but long enough to be looked at\n".repeat(100);
    await writeFile(join(directory, "index.db"), damaged);
    const metadata = await openMetadata({ directory });
    expect(metadata.rebuilt).toEqual({ damaged: join(directory, "index.db.damaged"), from: "nothing" });
    await metadata.close();
    expect(await readFile(join(directory, "index.db.damaged"), "utf8")).toBe(damaged);
  });

  test("has every write that was acknowledged before kill -9", async () => {
    const directory = await temporaryDirectory();
    const acknowledged = await linesUntilKilled(new URL("./killed-index/run.ts", import.meta.url), directory, 300);
    const metadata = await openMetadata({ directory });
    expect(metadata.wasStoppedCleanly).toBe(false);
    expect(acknowledged.length).toBeGreaterThanOrEqual(300);
    for (const number of acknowledged) {
      expect(metadata.blob(digestFor(number))).toMatchObject({ size: Number(number), state: "present" });
      expect(metadata.isRecordedMember(alpine, digestFor(number))).toBe(true);
    }
    await metadata.close();
  });
});
