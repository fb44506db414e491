import { mkdir, rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { blobPath } from "../../../src/blobstore/index.ts";
import { HashFailed } from "../../../src/upkeep/hasher.ts";
import type { Progress } from "../../../src/upkeep/index.ts";
import { Verify } from "../../../src/upkeep/verify.ts";
import { flipByte, mebibyte, openWorld, partsOf, putBlob, putFile, stateOf } from "./fixtures.ts";

const { signal } = new AbortController();
const onProgress = (): void => undefined;

test("reads everything that is here, and records it as right", async () => {
  const world = await openWorld();
  await putBlob(world, Buffer.alloc(2 * mebibyte));
  await putBlob(world, Buffer.from("small"));
  await putFile(world, Buffer.from("without a row"));
  world.clock.advance(1000);
  const seen: Progress[] = [];
  const report = await world.upkeep.verify({ signal, onProgress: (done) => seen.push(done) });
  expect(report).toEqual({ blobs: 2, bytes: 2 * mebibyte + 5, findings: [] });
  expect(seen.at(-1)).toEqual({ blobs: 2, totalBlobs: 2, bytes: 2 * mebibyte + 5, totalBytes: 2 * mebibyte + 5 });
  expect(seen.map(({ bytes }) => bytes)).toContain(mebibyte);
  expect(world.index.files.toVerify(world.clock.now(), 10)).toEqual([]);
});

test("finds what is wrong, missing and unreadable, and gives it up", async () => {
  const world = await openWorld();
  const wrong = await putBlob(world, Buffer.from("wrong"));
  const missing = await putBlob(world, Buffer.from("missing"));
  const unreadable = await putBlob(world, Buffer.from("unreadable"));
  await putBlob(world, Buffer.from("right"));
  await flipByte(world, wrong);
  for (const digest of [missing, unreadable]) await rm(blobPath(world.directory, digest));
  await mkdir(blobPath(world.directory, unreadable));
  const { blobs, findings } = await world.upkeep.verify({ signal, onProgress });
  expect(blobs).toBe(4);
  expect(findings).toHaveLength(3);
  expect(findings).toEqual(
    expect.arrayContaining([
      { digest: wrong, problem: "wrong" },
      { digest: missing, problem: "missing" },
      { digest: unreadable, problem: "unreadable" },
    ]),
  );
  for (const digest of [wrong, missing, unreadable]) expect(stateOf(world, digest)).toBe("known");
  expect(world.told.lost.toSorted()).toEqual([wrong, missing, unreadable].toSorted());
});

test("reports a file that could not be read for want of descriptors, and leaves it where it is", async () => {
  const world = await openWorld();
  const digest = await putBlob(world, Buffer.from("blob"));
  const parts = partsOf(world);
  const hash = (): Promise<never> => Promise.reject(new HashFailed("it", "EMFILE"));
  const failing = { ...parts, hasher: { hash, list: parts.hasher.list.bind(parts.hasher) } };
  const { findings } = await new Verify(failing, { signal, onProgress }).run();
  expect(findings).toEqual([{ digest, problem: "unreadable" }]);
  expect(stateOf(world, digest)).toBe("present");
  expect(world.told.lost).toEqual([]);
});

test("is no finding: a file that has left since its row was read", async () => {
  const world = await openWorld();
  const digest = await putBlob(world, Buffer.from("blob"));
  const parts = partsOf(world);
  const hash: typeof parts.hasher.hash = async (...asked) => {
    await world.index.evict({ manifests: [], orphans: [digest] }, "test");
    await world.store.remove(digest);
    await world.index.recordRemoved([digest]);
    return parts.hasher.hash(...asked);
  };
  const racing = { ...parts, hasher: { hash, list: parts.hasher.list.bind(parts.hasher) } };
  expect(await new Verify(racing, { signal, onProgress }).run()).toEqual({ blobs: 0, bytes: 0, findings: [] });
  expect(world.told).toMatchObject({ events: [], lost: [], failures: [] });
});

test("ends early with what was found when it is aborted", async () => {
  const world = await openWorld();
  const first = await putBlob(world, Buffer.from("0"));
  const second = await putBlob(world, Buffer.alloc(3 * mebibyte));
  const [early, late] = [first, second].toSorted();
  if (!early || !late) throw new Error("no blobs");
  await rm(blobPath(world.directory, early));
  const stop = new AbortController();
  const report = await world.upkeep.verify({ signal: stop.signal, onProgress: () => stop.abort() });
  expect(report).toEqual({ blobs: 1, bytes: 0, findings: [{ digest: early, problem: "missing" }] });
  expect(stateOf(world, late)).toBe("present");
  expect(world.told.failures).toEqual([]);
});

test("ends between two steps of a large file when it is aborted", async () => {
  const world = await openWorld();
  await putBlob(world, Buffer.alloc(3 * mebibyte));
  const stop = new AbortController();
  const report = await world.upkeep.verify({ signal: stop.signal, onProgress: () => stop.abort() });
  expect(report).toEqual({ blobs: 0, bytes: mebibyte, findings: [] });
});
