import { describe, expect, it } from "vitest";
import {
  cpuPerGigabyte,
  cpuPerThousand,
  extra,
  judge,
  medianOf,
  ratioOf,
  spreadOfEntrant,
} from "../../bench/compare/results.ts";
import { median, spreadOf } from "../../bench/compare/statistics.ts";
import type { Measurement, WorkloadResults } from "../../bench/compare/workload.ts";

function results(samples: Record<string, Measurement[]>): WorkloadResults {
  const entrants = Object.entries(samples).map(([name, taken]) => ({ name, samples: taken }));
  return { name: "demo", unit: "requests/s", entrants };
}

const values = (...each: number[]): Measurement[] => each.map((value) => ({ value }));

describe("figures of several rounds", () => {
  it("have the middle one as their median, whatever their order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it("have the mean of the middle two as their median where they are an even number", () => {
    expect(median([10, 1, 3, 2])).toBe(2.5);
  });

  it("have no median and no spread where there are none", () => {
    expect(median([])).toBeNaN();
    expect(spreadOf([])).toBeUndefined();
  });

  it("are spread from the least to the most", () => {
    expect(spreadOf([4, 2, 30])).toEqual({ median: 4, min: 2, max: 30 });
  });
});

describe("results of a workload", () => {
  it("compare the medians of two entrants", () => {
    expect(ratioOf(results({ ours: values(10, 40, 1000), theirs: values(2, 1, 4) }), "ours", "theirs")).toBe(20);
  });

  it("compare what answers cost, by their bytes and by their number", () => {
    const sample = { value: 1, cpuSeconds: 3, bytes: 2e9, requests: 6000 };
    expect(medianOf(results({ ours: [sample] }), "ours", cpuPerGigabyte)).toBe(1.5);
    expect(medianOf(results({ ours: [sample] }), "ours", cpuPerThousand)).toBe(0.5);
  });

  it("have a named figure of the rounds that took it", () => {
    const samples = [{ value: 1, extra: { "p99 ms": 7 } }, { value: 2 }, { value: 3, extra: { "p99 ms": 9 } }];
    expect(spreadOfEntrant(results({ ours: samples }), "ours", extra("p99 ms"))).toEqual({ median: 8, min: 7, max: 9 });
  });

  it("have no cost where no byte was sent", () => {
    expect(cpuPerGigabyte({ value: 1, cpuSeconds: 3, bytes: 0 })).toBeUndefined();
  });
});

describe("a goal", () => {
  const measured = results({ ours: values(30), theirs: values(10) });
  const goal = { words: "ours over theirs", of: (of: WorkloadResults) => ratioOf(of, "ours", "theirs") };

  it("is met at its bound", () => {
    expect(judge({ ...goal, atLeast: 3 }, measured)).toEqual({ words: goal.words, value: 3, atLeast: 3, isMet: true });
    expect(judge({ ...goal, atMost: 3 }, measured)).toMatchObject({ isMet: true });
  });

  it("is not met beyond it", () => {
    expect(judge({ ...goal, atLeast: 3.01 }, measured)).toMatchObject({ isMet: false });
    expect(judge({ ...goal, atMost: 2.99 }, measured)).toMatchObject({ isMet: false });
  });

  it("is not met by what was not measured", () => {
    const alone = results({ ours: values(30) });
    expect(judge({ ...goal, atLeast: 3 }, alone)).toMatchObject({ value: null, isMet: false });
  });
});
