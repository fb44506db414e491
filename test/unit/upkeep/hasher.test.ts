import { execFileSync } from "node:child_process";
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { expect, onTestFinished, test, vi } from "vitest";
import { blobPath, shelves } from "../../../src/blobstore/index.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { Hasher } from "../../../src/upkeep/hasher.ts";
import { mebibyte, openWorld, putFile, type World } from "./fixtures.ts";

const { signal } = new AbortController();
const bytes = Buffer.alloc(2 * mebibyte + 5, "entrepot");

function hasherOf({ directory }: World): Hasher {
  const hasher = new Hasher(directory);
  onTestFinished(() => hasher.close());
  return hasher;
}

test("hashes with the algorithm of the digest, step by step", async () => {
  const world = await openWorld();
  for (const algorithm of [undefined, "sha512"] as const) {
    const digest = await putFile(world, bytes, algorithm);
    const steps: number[] = [];
    const hashed = await hasherOf(world).hash(digest, { signal, onStep: (count) => void steps.push(count) });
    expect(hashed).toMatchObject({ digest, size: bytes.length, manifest: undefined });
    expect(steps).toEqual([mebibyte, mebibyte, 5]);
  }
});

test("hashes an empty file, and one that ends with a step", async () => {
  const world = await openWorld();
  for (const content of [Buffer.alloc(0), Buffer.alloc(mebibyte)]) {
    const digest = await putFile(world, content);
    expect(await hasherOf(world).hash(digest, { signal })).toMatchObject({ digest, size: content.length });
  }
});

test("hashes several files side by side, so that a small one does not wait for a large one", async () => {
  const world = await openWorld();
  const hasher = hasherOf(world);
  const large = await putFile(world, bytes);
  const small = await putFile(world, Buffer.from("small"));
  const onStep = async (): Promise<void> => {
    await hasher.hash(small, { signal });
  };
  expect(await hasher.hash(large, { signal, onStep })).toMatchObject({ digest: large });
});

test("ends between two steps when it is aborted", async () => {
  const world = await openWorld();
  const digest = await putFile(world, bytes);
  const stop = new AbortController();
  const hashing = hasherOf(world).hash(digest, { signal: stop.signal, onStep: () => stop.abort(new Error("enough")) });
  await expect(hashing).rejects.toThrow("enough");
});

test("says what the system said of a file or a directory that cannot be read", async () => {
  const world = await openWorld();
  const hasher = hasherOf(world);
  const digest = digestOf(Buffer.from("absent"));
  await expect(hasher.hash(digest, { signal })).rejects.toMatchObject({ name: "HashFailed", code: "ENOENT" });
  await expect(hasher.list({ algorithm: "sha256", prefix: "zz" })).rejects.toMatchObject({ code: "ENOENT" });
  expect(await hasher.list(shelves[0] ?? { algorithm: "sha256", prefix: "00" })).toEqual([]);
});

test("is not held up by a pipe in the place of a file", async () => {
  const world = await openWorld();
  const digest = digestOf(bytes);
  execFileSync("mkfifo", [blobPath(world.directory, digest)]);
  await expect(hasherOf(world).hash(digest, { signal })).rejects.toMatchObject({ code: "NOT_A_FILE" });
});

test("rejects what waits when its thread dies, and starts another with the next use", async () => {
  const world = await openWorld();
  const digest = await putFile(world, bytes);
  const hasher = hasherOf(world);
  const started = once(process, "worker") as Promise<[Worker]>;
  const onStep = async (): Promise<void> => {
    const [worker] = await started;
    await worker.terminate();
  };
  await expect(hasher.hash(digest, { signal, onStep })).rejects.toMatchObject({ code: "THREAD_LOST" });
  expect(await hasher.hash(digest, { signal })).toMatchObject({ digest });
});

test("ends its thread when nobody has needed it for ten seconds, and starts another with the next use", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const world = await openWorld();
  const digest = await putFile(world, bytes);
  const hasher = hasherOf(world);
  const started = once(process, "worker") as Promise<[Worker]>;
  const onStep = (): void => void vi.advanceTimersByTime(60_000);
  expect(await hasher.hash(digest, { signal, onStep })).toMatchObject({ digest });
  const [worker] = await started;
  let hasEnded = false;
  const ended = once(worker, "exit").then(() => (hasEnded = true));
  vi.advanceTimersByTime(9999);
  expect(await hasher.hash(digest, { signal })).toMatchObject({ digest });
  vi.advanceTimersByTime(9999);
  await new Promise(setImmediate);
  expect(hasEnded).toBe(false);
  vi.advanceTimersByTime(1);
  expect(await hasher.hash(digest, { signal })).toMatchObject({ digest });
  await ended;
});

test("rejects what waits when it is closed, and all that comes later", async () => {
  const world = await openWorld();
  const digest = await putFile(world, bytes);
  const hasher = hasherOf(world);
  const waiting = expect(hasher.hash(digest, { signal })).rejects.toMatchObject({ code: "THREAD_LOST" });
  await hasher.close();
  await waiting;
  await expect(hasher.list({ algorithm: "sha256", prefix: "00" })).rejects.toMatchObject({ code: "THREAD_LOST" });
});
