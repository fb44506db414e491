import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { blobPath, openBlobStore } from "../../../src/blobstore/index.ts";
import { lockDataDirectory, openMetadata } from "../../../src/metadata/index.ts";
import { UpkeepError, type Progress } from "../../../src/upkeep/index.ts";
import { alpine, latest, recordManifest } from "../metadata/fixtures.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";
import { openWorld, putBlob, putFile } from "./fixtures.ts";

const { signal } = new AbortController();
const onProgress = (): void => undefined;

/** A directory on another file system than the temporary ones; undefined where there is none. */
async function elsewhere(near: string): Promise<string | undefined> {
  const directory = `/dev/shm/entrepot-test-${process.pid}`;
  const isMade = await mkdir(directory).then(
    () => true,
    () => false,
  );
  if (!isMade) return undefined;
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return (await stat(directory)).dev === (await stat(near)).dev ? undefined : directory;
}

describe("a backup", () => {
  test("is a directory from which an instance can start", async () => {
    const world = await openWorld();
    const digest = await putBlob(world, Buffer.from("layer"));
    const manifest = await recordManifest(world.index, alpine, { text: "manifest" });
    await putFile(world, Buffer.from("manifest"));
    await world.index.moveTag(alpine, latest, manifest, 1000);
    const target = join(await temporaryDirectory(), "new", "copy");
    await world.upkeep.backup(target, { signal, onProgress });

    const lock = lockDataDirectory(target);
    const store = await openBlobStore({ directory: target, bootId: "copy" });
    const index = await openMetadata({ directory: target });
    expect(await store.readAll(digest)).toEqual(Buffer.from("layer"));
    expect(index.tag(alpine, latest)?.manifest).toBe(manifest);
    expect(index.counts()).toEqual(world.index.counts());
    await index.close();
    await store.close();
    lock.release();
  });

  test("takes hard links where it can, and copies nothing secret", async () => {
    const world = await openWorld();
    const digest = await putBlob(world, Buffer.from("layer"));
    await writeFile(join(world.directory, "admin-token"), "secret");
    await putFile(world, Buffer.from("without a row"));
    const target = join(await temporaryDirectory(), "copy");
    const seen: Progress[] = [];
    const report = await world.upkeep.backup(target, { signal, onProgress: (done) => seen.push(done) });
    expect(report).toEqual({ blobs: 1, bytes: 5, linked: 1, skipped: 0 });
    expect(seen).toEqual([{ blobs: 1, totalBlobs: 1, bytes: 5, totalBytes: 5 }]);
    expect((await readdir(target)).sort()).toEqual(["FORMAT", "blobs", "index.db", "ingest", "quarantine"]);
    const [original, copy] = await Promise.all([world.directory, target].map((in_) => stat(blobPath(in_, digest))));
    expect(copy?.ino).toBe(original?.ino);
  });

  test("copies where the target is on another file system", async (context) => {
    const world = await openWorld();
    const target = await elsewhere(world.directory);
    if (target === undefined) return context.skip("no second file system to be had here");
    const bytes = Buffer.alloc(300_000, "layer");
    const digest = await putBlob(world, bytes);
    const report = await world.upkeep.backup(target, { signal, onProgress });
    expect(report).toEqual({ blobs: 1, bytes: 300_000, linked: 0, skipped: 0 });
    expect(await readFile(blobPath(target, digest))).toEqual(bytes);
    expect((await stat(blobPath(target, digest))).mode & 0o777).toBe(0o444);
  });

  test("goes on without a file that has gone", async (context) => {
    const world = await openWorld();
    const gone = await putBlob(world, Buffer.from("gone"));
    await putBlob(world, Buffer.from("here"));
    await rm(blobPath(world.directory, gone));
    const targets = [join(await temporaryDirectory(), "copy"), await elsewhere(world.directory)];
    for (const target of targets) {
      if (target === undefined) return context.skip("no second file system to be had here");
      const report = await world.upkeep.backup(target, { signal, onProgress });
      expect(report).toMatchObject({ blobs: 1, skipped: 1 });
      await expect(stat(blobPath(target, gone))).rejects.toMatchObject({ code: "ENOENT" });
    }
  });

  test("that is aborted has no FORMAT, be it at the last file, and rejects with the reason", async () => {
    const world = await openWorld();
    for (const text of ["one", "two", "three"]) await putBlob(world, Buffer.from(text));
    for (const last of [1, 3]) {
      const target = join(await temporaryDirectory(), "copy");
      const stop = new AbortController();
      let copied = 0;
      const abortAtLast = ({ blobs }: Progress): void => {
        copied = blobs;
        if (blobs === last) stop.abort(new Error("enough"));
      };
      const backup = world.upkeep.backup(target, { signal: stop.signal, onProgress: abortAtLast });
      await expect(backup).rejects.toThrow("enough");
      expect(copied).toBe(last);
      expect(await readdir(target)).not.toContain("FORMAT");
    }
  });

  test("has an index of its own: one that is made later needs another directory", async () => {
    const world = await openWorld();
    const target = join(await temporaryDirectory(), "copy");
    await world.upkeep.backup(target, { signal, onProgress });
    await expect(world.upkeep.backup(target, { signal, onProgress })).rejects.toThrow(/is not empty/);
  });
});

describe("the target of a backup", () => {
  test("must be absolute, and a directory that is empty", async () => {
    const world = await openWorld();
    const parent = await temporaryDirectory();
    const file = join(parent, "file");
    await writeFile(file, "");
    for (const target of [relative(process.cwd(), join(parent, "copy")), parent, file]) {
      const backup = world.upkeep.backup(target, { signal, onProgress });
      await expect(backup).rejects.toBeInstanceOf(UpkeepError);
      await expect(backup).rejects.toMatchObject({ kind: "target" });
    }
    expect(await readdir(parent)).toEqual(["file"]);
  });

  test("must not lie in the data directory, whatever way leads there", async () => {
    const world = await openWorld();
    const parent = await temporaryDirectory();
    await symlink(world.directory, join(parent, "link"));
    const inside = [world.directory, join(world.directory, "copies", "one"), join(parent, "link", "copy")];
    for (const target of inside) {
      await expect(world.upkeep.backup(target, { signal, onProgress })).rejects.toThrow(/inside the data directory/);
    }
    expect(await readdir(world.directory)).not.toContain("copy");
  });

  test("may have a name that begins like the data directory's", async () => {
    const world = await openWorld();
    const target = `${world.directory}-copy`;
    onTestFinished(() => rm(target, { recursive: true, force: true }));
    await world.upkeep.backup(target, { signal, onProgress });
    expect(await readdir(target)).toContain("FORMAT");
  });
});

test("a backup is refused by a disk that refuses the copy of the index", async () => {
  const world = await openWorld();
  const target = join(await temporaryDirectory(), "copy");
  vi.spyOn(world.index, "backup").mockRejectedValue(new Error("full"));
  await expect(world.upkeep.backup(target, { signal, onProgress })).rejects.toThrow("full");
  expect(await readdir(target)).not.toContain("FORMAT");
});
