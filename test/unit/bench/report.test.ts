import { describe, expect, it } from "vitest";
import { plotsOf } from "../../bench/compare/plots.ts";
import { markdownOf } from "../../bench/compare/publish.ts";
import { formatFigure, formatGoal, tableOf } from "../../bench/compare/report.ts";
import type { ResultsFile } from "../../bench/compare/results.ts";

const workload = {
  name: "demo",
  title: "a demo & more",
  group: "demos",
  unit: "requests/s",
  goals: [{ words: "entrepot over nginx", value: 0.5, atLeast: 0.4, isMet: true }],
  entrants: [
    { name: "entrepot", samples: [100, 300].map((value) => ({ value, extra: { "p99 ms": value / 100 } })) },
    { name: "nginx", samples: [400, 400].map((value) => ({ value })) },
  ],
};

const file: ResultsFile = {
  machine: { processors: 2 },
  startedAt: "2026-01-02T03:04:05.000Z",
  isShort: false,
  rounds: 2,
  origin: "in-process",
  workloads: [workload],
};

describe("the report", () => {
  it("has a row per entrant, and no column of what nobody measured", () => {
    expect(tableOf(workload)).toEqual([
      ["requests/s", "median", "min–max", "× entrepot", "p99 ms"],
      ["entrepot", "200", "100–300", "1", "2"],
      ["nginx", "400", "400–400", "2", "-"],
    ]);
  });

  it("has the figure of a goal beside its bound", () => {
    expect(formatGoal({ words: "a over b", value: 1.234, atMost: 1.2, isMet: false })).toBe(
      "a over b: 1.23 (goal ≤ 1.2)",
    );
    expect(formatGoal({ words: "a over b", value: null, atLeast: 2, isMet: false })).toBe(
      "a over b: not measured (goal ≥ 2)",
    );
  });

  it.each([
    [0.012345, "0.0123"],
    [12.345, "12.3"],
    [12345.6, "12,346"],
    [0, "0"],
    [Number.NaN, "-"],
  ])("writes %d as %s", (value, text) => {
    expect(formatFigure(value)).toBe(text);
  });

  it("draws a plot per group: a bar, its name and its figures for each entrant, on white", () => {
    const plots = plotsOf({ ...file, workloads: [workload, { ...workload, name: "other", group: "others" }] });
    expect(plots.map(({ fileName }) => fileName)).toEqual(["demos.svg", "others.svg"]);
    for (const text of [
      "a demo &amp; more",
      "requests/s, more is better",
      "entrepot",
      "nginx",
      "(100–300)",
      "(400–400)",
    ]) {
      expect(plots[0]?.svg).toContain(text);
    }
    expect(plots[0]?.svg).toMatch(/<rect width="\d+" height="\d+"[^>]* fill="#ffffff"/);
  });

  it("says of a plot that its axis is logarithmic where it is", () => {
    const far = { ...workload, entrants: [...workload.entrants, { name: "slow", samples: [{ value: 1 }] }] };
    expect(plotsOf({ ...file, workloads: [far] })[0]?.svg).toContain("(logarithmic)");
    expect(plotsOf(file)[0]?.svg).not.toContain("(logarithmic)");
  });

  it("becomes a section of Markdown with machine, goals, plots and tables", () => {
    const section = markdownOf(file, plotsOf(file), "results");
    expect(section).toContain("Measured 2026-01-02, 2 rounds, origin in-process: processors 2.");
    expect(section).toContain("| a demo & more | entrepot over nginx: 0.5 (goal ≥ 0.4) | met |");
    expect(section).toContain("![demos](results/demos.svg)");
    expect(section).toContain("| nginx | 400 | 400–400 | 2 | - |");
  });
});
