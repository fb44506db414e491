import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, expect, it } from "vitest";
import { aftermathOf } from "../support/aftermath.ts";
import { Ext4Disk } from "../support/disks.ts";
import { Puller } from "../support/puller.ts";
import { blobPathsOf, tagPath } from "../support/published.ts";
import { Scratch } from "../support/scratch.ts";
import { openBench } from "./bench.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.close());

/**
 * A file system on which files are open for writing cannot be made read-only, but a mount of it over itself can: whoever
 * opens a file from now on meets that one. The log of the index, open already, goes on.
 */
function makeReadOnly(directory: string): () => void {
  execFileSync("mount", ["--bind", directory, directory]);
  execFileSync("mount", ["-o", "remount,bind,ro", directory]);
  return () => void execFileSync("umount", ["--lazy", directory]);
}

it("serves every pull from a directory that becomes read-only, and keeps what it serves once it is writable", async () => {
  const bench = await openBench(scratch);
  expect((await bench.pull(bench.early)).faults).toEqual([]);
  const during = bench.pull(bench.late);
  const makeWritable = makeReadOnly(bench.data);
  expect((await during).faults).toEqual([]);
  const behind = await bench.pull(bench.all);
  expect(behind.faults).toEqual([]);
  expect(behind.uncached).toBeGreaterThan(0);
  expect((await bench.pull(bench.early)).uncached).toBe(0);
  makeWritable();
  expect(await bench.pullUntilKept(bench.all)).toEqual([]);
  expect(await bench.stopAndCheck()).toEqual([]);
});

it("serves every pull from a file system that the kernel has made read-only, and loses nothing by it", async () => {
  const disk = new Ext4Disk(scratch, 256);
  await disk.format();
  const bench = await openBench(scratch, disk.point);
  const puller = new Puller((path, options) => bench.instance.ask(path, options));
  for (const tag of bench.early.slice(0, 3)) {
    const [image] = tag.versions;
    if (image) for (const path of [tagPath(tag), ...blobPathsOf(tag.repository, image)]) await puller.getHit(path);
  }
  const during = bench.pull(bench.late);
  disk.abort();
  expect((await during).faults).toEqual([]);
  const behind = await bench.pull(bench.all);
  expect(behind.faults).toEqual([]);
  expect(behind.uncached).toBeGreaterThan(0);
  await bench.instance.kill();
  await disk.unmount();
  disk.mount();
  const { directory, upstream, all } = bench;
  expect(await aftermathOf({ directory, upstream, published: all, hits: puller.hits })).toEqual([]);
});
