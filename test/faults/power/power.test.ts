import { afterEach, beforeEach, expect, it } from "vitest";
import { Scratch } from "../support/scratch.ts";
import { cutPower } from "./power-cuts.ts";

/** FAULT_CUTS: how often; FAULT_SEED: of the images and moments of an earlier run. */
const cuts = Number(process.env["FAULT_CUTS"] ?? 20);
const seed = Number(process.env["FAULT_SEED"] ?? Date.now() % 1_000_000);

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

it("loses nothing that was a hit when the power is cut", { timeout: 60_000 + cuts * 10_000 }, async () => {
  const report = await cutPower({ scratch, cuts, seed });
  console.log(`seed ${seed}: ${report.cuts} cuts, ${report.hits} hits before them`);
  expect(report.violations, `seed ${seed}`).toEqual([]);
  expect(report.hits).toBeGreaterThan(0);
});

it(
  "leaves files and index in agreement when the power is cut during evictions",
  { timeout: 60_000 + cuts * 10_000 },
  async () => {
    const report = await cutPower({ scratch, cuts: Math.ceil(cuts / 4), seed, maxSize: "2MiB" });
    console.log(`seed ${seed}: ${report.cuts} cuts during evictions`);
    expect(report.violations, `seed ${seed}`).toEqual([]);
  },
);
