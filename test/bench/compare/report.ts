import {
  cpuPerGigabyte,
  cpuPerThousand,
  medianOf,
  spreadOfEntrant,
  type JudgedGoal,
  type Pick,
  type ResultsFile,
} from "./results.ts";
import type { WorkloadResults } from "./workload.ts";

interface Column {
  title: string;
  cell: (results: WorkloadResults, entrant: string) => string;
}

const ours = "entrepot";

const ofMedian =
  (pick: Pick) =>
  (results: WorkloadResults, entrant: string): string =>
    formatFigure(medianOf(results, entrant, pick));

const columns: readonly Column[] = [
  { title: "median", cell: (results, entrant) => formatFigure(medianOf(results, entrant)) },
  { title: "min–max", cell: formatSpread },
  { title: `× ${ours}`, cell: formatRatio },
  { title: "CPU s per GB", cell: ofMedian(cpuPerGigabyte) },
  { title: "CPU s per 1,000", cell: ofMedian(cpuPerThousand) },
  { title: "peak RSS MiB", cell: ofMedian(({ peakRssMiB }) => peakRssMiB) },
  { title: "upstream requests", cell: ofMedian(({ upstream }) => upstream?.requests) },
  { title: "upstream MB", cell: ofMedian(({ upstream }) => upstream && upstream.bytes / 1e6) },
];

/** The results of one workload as rows of cells: a header, then one row per entrant. */
export function tableOf(results: WorkloadResults): string[][] {
  const shown = [...columns, ...extraColumns(results)];
  const header = [results.unit, ...shown.map(({ title }) => title)];
  const rows = results.entrants.map(({ name }) => [name, ...shown.map(({ cell }) => cell(results, name))]);
  // What nobody measured has no column.
  const isKept = header.map((_, at) => at === 0 || rows.some((row) => row[at] !== "-"));
  return [header, ...rows].map((row) => row.filter((_, at) => isKept[at]));
}

/** For a terminal: the table of one workload, and its goals. */
export function formatWorkload(results: ResultsFile["workloads"][number]): string {
  return [
    `# ${results.title ?? results.name}`,
    alignColumns(tableOf(results)),
    ...results.goals.map((goal) => `${markOf(goal)} - ${formatGoal(goal)}`),
  ].join("\n");
}

/** A goal with its figure and its bound. */
export function formatGoal({ words, value, atLeast, atMost }: JudgedGoal): string {
  const bounds = [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`].filter(Boolean);
  const figure = `${words}: ${value === null ? "not measured" : formatFigure(value)}`;
  return bounds.length === 0 ? figure : `${figure} (goal ${bounds.join(" and ")})`;
}

/** Whether it is met; one without a bound is only told. */
export function markOf({ atLeast, atMost, isMet }: JudgedGoal): "met" | "not met" | "figure" {
  if (atLeast === undefined && atMost === undefined) return "figure";
  return isMet ? "met" : "not met";
}

/** Three digits that count; `-` for what is no number. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0 || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toString();
}

function extraColumns(results: WorkloadResults): Column[] {
  const names = results.entrants.flatMap(({ samples }) => samples.flatMap(({ extra }) => Object.keys(extra ?? {})));
  return [...new Set(names)].map((name) => ({ title: name, cell: ofMedian(({ extra }) => extra?.[name]) }));
}

function formatSpread(results: WorkloadResults, entrant: string): string {
  const spread = spreadOfEntrant(results, entrant);
  return spread ? `${formatFigure(spread.min)}–${formatFigure(spread.max)}` : "-";
}

function formatRatio(results: WorkloadResults, entrant: string): string {
  return formatFigure(medianOf(results, entrant) / medianOf(results, ours));
}

function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, at: number): string =>
    at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
