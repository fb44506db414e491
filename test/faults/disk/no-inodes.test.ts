import { closeSync, openSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { mountTmpfs } from "../support/disks.ts";
import { Scratch } from "../support/scratch.ts";
import { openBench } from "./bench.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.close());

/** Makes empty files until there can be none. */
async function takeAllInodes(directory: string): Promise<void> {
  await mkdir(directory);
  for (let number = 0; ; number += 1) {
    try {
      closeSync(openSync(join(directory, String(number)), "w"));
    } catch {
      return;
    }
  }
}

it("serves every pull on a disk that has no inodes left, and keeps what it serves once there are some", async () => {
  const point = mountTmpfs(scratch, "few-inodes", "size=64m,nr_inodes=1200");
  const bench = await openBench(scratch, point);
  expect((await bench.pull(bench.early)).faults).toEqual([]);
  const during = bench.pull(bench.late);
  await takeAllInodes(join(point, "ballast"));
  expect((await during).faults).toEqual([]);
  const behind = await bench.pull(bench.last);
  expect(behind.faults).toEqual([]);
  expect(behind.uncached).toBeGreaterThan(0);
  expect((await bench.pull(bench.early)).uncached).toBe(0);
  rmSync(join(point, "ballast"), { recursive: true });
  expect(await bench.pullUntilKept(bench.all)).toEqual([]);
  expect(await bench.stopAndCheck()).toEqual([]);
});
