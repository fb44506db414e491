import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { blobPath } from "../../../src/blobstore/index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import { FailingCalls, poolThreads, type Failure } from "../support/failing-calls.ts";
import { checkDataDirectory } from "../checker/data-directory.ts";
import { blobPathsOf, resourcesOf } from "../support/published.ts";
import { Scratch } from "../support/scratch.ts";
import { openBench, type Bench } from "./bench.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.close());

const syncs = "fsync,fdatasync";
const reads = "read,pread64,preadv,preadv2";

function syncsOfIndex({ data }: Bench): Failure {
  return { calls: syncs, effect: "error=EIO", paths: [join(data, "index.db-wal"), join(data, "index.db")] };
}

it("serves every pull while no file can be synced, keeps none of it, and keeps it once they can", async () => {
  const bench = await openBench(scratch);
  expect((await bench.pull(bench.early)).faults).toEqual([]);
  const { pid } = bench.instance;
  const during = bench.pull(bench.late);
  const failing = await FailingCalls.start(pid, { calls: syncs, effect: "error=EIO", threads: poolThreads(pid) });
  expect((await during).faults).toEqual([]);
  expect(await bench.pull(bench.last)).toMatchObject({ faults: [], hits: 0 });
  expect((await bench.pull(bench.early)).uncached).toBe(0);
  await failing.stop();
  expect(await bench.pullUntilKept(bench.all)).toEqual([]);
  expect(await bench.stopAndCheck()).toEqual([]);
});

it("serves every pull while the index cannot be synced, for as long as that lasts, and keeps it once it can", async () => {
  const bench = await openBench(scratch);
  expect((await bench.pull(bench.early)).faults).toEqual([]);
  const during = bench.pull(bench.late);
  const failing = await FailingCalls.start(bench.instance.pid, syncsOfIndex(bench));
  expect((await during).faults).toEqual([]);
  expect(await bench.pull(bench.last)).toMatchObject({ faults: [], hits: 0 });
  // It is tried every few seconds whether the disk takes writes again.
  const until = performance.now() + 12_000;
  while (performance.now() < until) expect((await bench.pull(bench.all)).faults).toEqual([]);
  await failing.stop();
  expect(await bench.pullUntilKept(bench.all)).toEqual([]);
  expect(await bench.stopAndCheck()).toEqual([]);
});

// What could not be synced is in the log of the index all the same, and counts at the next start.
it("keeps the file of a row of which it cannot know whether it is durable", async () => {
  const bench = await openBench(scratch);
  const [tag] = bench.early;
  const [path = ""] = tag?.versions[0] ? blobPathsOf(tag.repository, tag.versions[0]) : [];
  const failing = await FailingCalls.start(bench.instance.pid, syncsOfIndex(bench));
  expect((await bench.instance.ask(path)).status).toBe(200);
  await bench.instance.settled();
  await failing.stop();
  await bench.instance.kill();
  expect(checkDataDirectory(bench.data, { after: "crash" })).toEqual([]);
});

it("serves every pull while stored files cannot be read, and fetches them again", async () => {
  const bench = await openBench(scratch);
  const { upstream, early } = bench;
  expect((await bench.pull(early)).faults).toEqual([]);
  const digests = resourcesOf(early).flatMap((resource) => resource.digests);
  const paths = digests.map((digest) => blobPath(bench.data, digest as Digest));
  const during = bench.pull(bench.late);
  const failing = await FailingCalls.start(bench.instance.pid, { calls: reads, effect: "error=EIO", paths });
  expect((await during).faults).toEqual([]);
  upstream.requests.clear();
  // A body that breaks off is asked for again: every client does.
  expect((await bench.pull(early, { attempts: 4 })).faults).toEqual([]);
  expect(upstream.requests.count({ kind: "blob" })).toBeGreaterThan(0);
  await failing.stop();
  expect(await bench.pullUntilKept(bench.all)).toEqual([]);
  expect(await bench.stopAndCheck(digests)).toEqual([]);
});
