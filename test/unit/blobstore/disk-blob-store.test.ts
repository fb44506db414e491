import { mkdir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { blobPath, openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import { linesUntilKilled } from "../metadata/child-process.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

async function store(into: BlobStore, bytes: Buffer, algorithm: "sha256" | "sha512" = "sha256"): Promise<Digest> {
  const digest = digestOf(bytes, algorithm);
  const staging = await into.stage();
  await staging.append(bytes);
  await staging.commit(digest);
  await staging.close();
  return digest;
}

describe("the blob store", () => {
  test("keeps a blob under the full hex of its digest, for both algorithms", async () => {
    const directory = await temporaryDirectory();
    const blobs = await openBlobStore({ directory, bootId: "boot" });
    for (const algorithm of ["sha256", "sha512"] as const) {
      const digest = await store(blobs, Buffer.from("layer"), algorithm);
      const hex = digest.split(":")[1] ?? "";
      expect(blobPath(directory, digest)).toBe(join(directory, "blobs", algorithm, hex.slice(0, 2), hex));
      expect(await blobs.readAll(digest)).toEqual(Buffer.from("layer"));
    }
  });

  test("makes all 256 directories of each algorithm at its first start, and those that are missing later", async () => {
    const directory = await temporaryDirectory();
    await openBlobStore({ directory, bootId: "one" });
    await rm(join(directory, "blobs", "sha256", "7f"), { recursive: true });
    await openBlobStore({ directory, bootId: "two" });
    expect(await readdir(join(directory, "blobs", "sha256"))).toHaveLength(256);
    expect(await readdir(join(directory, "blobs", "sha512"))).toHaveLength(256);
  });

  test("removes at its start what an earlier process left unfinished, and nothing else", async () => {
    const directory = await temporaryDirectory();
    await openBlobStore({ directory, bootId: "one" });
    await writeFile(join(directory, "ingest", "one-7.part"), "half");
    await writeFile(join(directory, "ingest", "notes.txt"), "of the operator");
    await mkdir(join(directory, "ingest", "odd.part"));
    await openBlobStore({ directory, bootId: "two" });
    expect((await readdir(join(directory, "ingest"))).sort()).toEqual(["notes.txt", "odd.part"]);
  });

  test("refuses in words to start where ingest/ is on another file system", async (context) => {
    const directory = await temporaryDirectory();
    const elsewhere = `/dev/shm/entrepot-test-${process.pid}`;
    const isElsewhere = await mkdir(elsewhere).then(
      async () => (await stat(elsewhere)).dev !== (await stat(directory)).dev,
      () => false,
    );
    onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
    if (!isElsewhere) context.skip("no second file system to be had here");
    await symlink(elsewhere, join(directory, "ingest"));
    await expect(openBlobStore({ directory, bootId: "boot" })).rejects.toThrow(/different file systems/);
  });

  test("reads a blob by position, and goes on after it was removed", async () => {
    const blobs = await openBlobStore({ directory: await temporaryDirectory(), bootId: "boot" });
    const digest = await store(blobs, Buffer.from("0123456789"));
    const blob = await blobs.open(digest);
    await blobs.remove(digest);
    await blobs.remove(digest);
    const buffer = Buffer.alloc(4);
    expect(blob?.size).toBe(10);
    expect(await blob?.read(buffer, 7, 100)).toBe(3);
    expect(buffer.toString("latin1", 0, 3)).toBe("789");
    expect(await blob?.read(buffer, 10, 4)).toBe(0);
    await blob?.close();
    expect(await blobs.open(digest)).toBeUndefined();
    expect(await blobs.readAll(digest)).toBeUndefined();
  });

  test("keeps an empty blob", async () => {
    const blobs = await openBlobStore({ directory: await temporaryDirectory(), bootId: "boot" });
    const digest = await store(blobs, Buffer.alloc(0));
    expect(await blobs.readAll(digest)).toEqual(Buffer.alloc(0));
  });

  test("does not follow a link in place of a blob", async () => {
    const directory = await temporaryDirectory();
    const blobs = await openBlobStore({ directory, bootId: "boot" });
    const digest = digestOf(Buffer.from("x"));
    await symlink("/etc/hostname", blobPath(directory, digest));
    await expect(blobs.open(digest)).rejects.toMatchObject({ kind: "io" });
  });

  test("knows how much space there is", async () => {
    const blobs = await openBlobStore({ directory: await temporaryDirectory(), bootId: "boot" });
    const { availableBytes, totalBytes } = await blobs.space();
    expect(availableBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(availableBytes);
  });

  test("removes at close what is still being staged, and stages nothing afterwards", async () => {
    const directory = await temporaryDirectory();
    const blobs = await openBlobStore({ directory, bootId: "boot" });
    await (await blobs.stage()).append(Buffer.from("half"));
    await blobs.close();
    expect(await readdir(join(directory, "ingest"))).toEqual([]);
    await expect(blobs.stage()).rejects.toMatchObject({ kind: "closed" });
  });

  test("keeps every blob whose commit was acknowledged before kill -9", async () => {
    const directory = await temporaryDirectory();
    const acknowledged = await linesUntilKilled(new URL("./killed-store/run.ts", import.meta.url), directory, 40);
    const blobs = await openBlobStore({ directory, bootId: "after" });
    expect(acknowledged.length).toBeGreaterThanOrEqual(40);
    for (const digest of acknowledged) {
      const bytes = await blobs.readAll(digest as Digest);
      expect(bytes && digestOf(bytes)).toBe(digest);
    }
    expect(await readdir(join(directory, "ingest"))).toEqual([]);
  });
});
