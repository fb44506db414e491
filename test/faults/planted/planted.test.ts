import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eviction } from "../kill/eviction.ts";
import { inspect, type Finding } from "../kill/inspect.ts";
import { imagesOf } from "../kill/interrupt.ts";
import { firstPull } from "../kill/pull.ts";
import { behindBurst, duringPulls } from "../power/moments.ts";
import { cutPower } from "../power/power-cuts.ts";
import { pullWhileUnlinking } from "../races/slow-unlink.ts";
import { Scratch } from "../support/scratch.ts";
import { fileBeforeRow, noSyncOfDirectory, noSyncOfFile, rowBeforeFile, unlinkOutsideTheLock } from "./bugs.ts";
import { plant } from "./variant.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

const rowWithoutFile = expect.stringMatching(/^after the crash: sha256:\w+: a present row without a file$/) as unknown;

function wordsOf(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ violations }) => violations);
}

describe("a harness that finds nothing has been shown to find something", { timeout: 3 * 60_000 }, () => {
  it("kill: a row that is written before its file has its name", async () => {
    const main = await plant(scratch, rowBeforeFile);
    const isAboutFile = /^(fchmod|rename) (ingest|blobs)\//;
    const options = { scenario: firstPull, scratch, main, maxRuns: 1 };
    const { images } = await imagesOf(options, ({ label }) => isAboutFile.test(label));
    expect(wordsOf(await inspect(images, options))).toContainEqual(rowWithoutFile);
  });

  it("kill: a file that goes before its row", async () => {
    const main = await plant(scratch, fileBeforeRow);
    const options = { scenario: eviction, scratch, main, maxRuns: 1 };
    const { images } = await imagesOf(options, ({ label }) => label.startsWith("unlink blobs/"));
    expect(wordsOf(await inspect(images, options))).toContainEqual(rowWithoutFile);
  });

  it("power cut: a file that is not synced before it has its name", async () => {
    const main = await plant(scratch, noSyncOfFile);
    const options = { scratch, main, cuts: 40, seed: 1, moment: duringPulls, endsAtFirst: true };
    const { violations } = await cutPower(options);
    expect(violations).toContainEqual(expect.stringMatching(/the bytes do not have the digest of its name$/));
  });

  it("power cut: a directory that is not synced before its file is recorded", async () => {
    const main = await plant(scratch, noSyncOfDirectory);
    const options = { scratch, main, cuts: 40, seed: 1, moment: behindBurst, endsAtFirst: true };
    const { violations } = await cutPower(options);
    expect(violations).toContainEqual(expect.stringMatching(/a present row without a file$/));
  });

  it("slow unlink: a file that is unlinked without the lock of its digest", async () => {
    const main = await plant(scratch, unlinkOutsideTheLock);
    const violations = await pullWhileUnlinking(scratch, main);
    expect(violations).toContainEqual(expect.stringMatching(/: a present row without a file$/));
  });

  it("the source: a patch that does not fit any more", async () => {
    const misfit = { file: "main.ts", search: "what was never there", replace: "" };
    await expect(plant(scratch, [misfit])).rejects.toThrow("0 times");
  });
});
