import fc from "fast-check";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { blobPath, openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

async function openStore(): Promise<{ store: BlobStore; directory: string }> {
  const directory = await temporaryDirectory();
  return { store: await openBlobStore({ directory, bootId: "boot" }), directory };
}

const bytes = Buffer.from("some bytes of a layer");
const digest = digestOf(bytes);

describe("a staging file", () => {
  test("lets a follower read what has been written, before the commit and after it", async () => {
    const { store } = await openStore();
    const staging = await store.stage();
    await staging.append(bytes.subarray(0, 10));
    await staging.flush();
    const buffer = Buffer.alloc(100);
    expect(await staging.read(buffer, 4, 100)).toBe(6);
    expect(buffer.subarray(0, 6)).toEqual(bytes.subarray(4, 10));
    expect(await staging.read(buffer, 10, 100)).toBe(0);
    await staging.append(bytes.subarray(10));
    await staging.commit(digest);
    expect(await staging.read(buffer, 10, 100)).toBe(bytes.length - 10);
    expect(buffer.subarray(0, bytes.length - 10)).toEqual(bytes.subarray(10));
    await staging.close();
  });

  test("tells of every growth", async () => {
    const { store } = await openStore();
    const offsets: number[] = [];
    const staging = await store.stage((written) => offsets.push(written));
    await staging.append(bytes);
    await staging.flush();
    expect(offsets).toEqual([bytes.length]);
    expect(staging.written).toBe(bytes.length);
    await staging.close();
  });

  test("has no name before the commit, and a read-only file under its digest after it", async () => {
    const { store, directory } = await openStore();
    const staging = await store.stage();
    await staging.append(bytes);
    await staging.flush();
    expect(await store.open(digest)).toBeUndefined();
    await staging.commit(digest);
    await staging.close();
    expect((await stat(blobPath(directory, digest))).mode & 0o777).toBe(0o444);
    expect(await readFile(blobPath(directory, digest))).toEqual(bytes);
    expect(await readdir(join(directory, "ingest"))).toEqual([]);
  });

  test("leaves nothing when it is closed without a commit", async () => {
    const { store, directory } = await openStore();
    const staging = await store.stage();
    await staging.append(bytes);
    await Promise.all([staging.close(), staging.close()]);
    expect(await readdir(join(directory, "ingest"))).toEqual([]);
    await expect(staging.append(bytes)).rejects.toMatchObject({ kind: "closed" });
    await expect(staging.commit(digest)).rejects.toMatchObject({ kind: "closed" });
    await expect(staging.read(Buffer.alloc(1), 0, 1)).rejects.toMatchObject({ kind: "closed" });
  });

  test("waits at close for the reads that are running", async () => {
    const { store } = await openStore();
    const staging = await store.stage();
    await staging.append(bytes);
    await staging.flush();
    const reads = Array.from({ length: 20 }, () => staging.read(Buffer.alloc(100), 0, 100));
    await staging.close();
    expect(await Promise.all(reads)).toEqual(reads.map(() => bytes.length));
  });

  test("lets a commit that is running come to its end at close", async () => {
    const { store } = await openStore();
    const staging = await store.stage();
    void staging.append(bytes);
    const commit = staging.commit(digest);
    await staging.close();
    await commit;
    expect(await store.readAll(digest)).toEqual(bytes);
  });

  test("may be committed although another one has filled the same digest", async () => {
    const { store } = await openStore();
    const [first, second] = [await store.stage(), await store.stage()];
    await Promise.all([first.append(bytes), second.append(bytes)]);
    await first.commit(digest);
    const reader = await store.open(digest);
    await second.commit(digest);
    expect(await store.readAll(digest)).toEqual(bytes);
    const buffer = Buffer.alloc(bytes.length);
    expect(await reader?.read(buffer, 0, 100)).toBe(bytes.length);
    expect(buffer).toEqual(bytes);
    await Promise.all([first.close(), second.close(), reader?.close()]);
  });

  test("is dead after a failed commit, which is not tried again", async () => {
    const { store, directory } = await openStore();
    const staging = await store.stage();
    await staging.append(bytes);
    await rm(join(directory, "ingest"), { recursive: true });
    await expect(staging.commit(digest)).rejects.toMatchObject({ kind: "io" });
    await expect(staging.append(bytes)).rejects.toThrow();
    await expect(staging.commit(digest)).rejects.toThrow();
    await staging.close();
    expect(await store.open(digest)).toBeUndefined();
  });

  test("never opens a file that is already there", async () => {
    const { store, directory } = await openStore();
    await writeFile(join(directory, "ingest", "boot-1.part"), "of another");
    await expect(store.stage()).rejects.toMatchObject({ kind: "io" });
    await (await store.stage()).close();
  });

  test("holds the bytes it was given, however they were cut", async () => {
    const { store } = await openStore();
    const chunks = fc.array(fc.uint8Array({ minLength: 0, maxLength: 50_000 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(chunks, async (cut) => {
        const whole = Buffer.concat(cut);
        const staging = await store.stage();
        for (const part of cut) await staging.append(Buffer.from(part));
        await staging.commit(digestOf(whole));
        await staging.close();
        expect(digestOf((await store.readAll(digestOf(whole))) ?? Buffer.from("none"))).toBe(digestOf(whole));
      }),
      { numRuns: 30 },
    );
  });
});
