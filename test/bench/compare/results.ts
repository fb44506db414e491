import { median, spreadOf, type Spread } from "./statistics.ts";
import type { Goal, Measurement, WorkloadResults } from "./workload.ts";

export interface JudgedGoal {
  words: string;
  /** Null where it was not measured. */
  value: number | null;
  atLeast?: number;
  atMost?: number;
  isMet: boolean;
}

/** The file of results: what the tables and the plots are made from. */
export interface ResultsFile {
  machine: Record<string, string | number>;
  /** RFC 3339. */
  startedAt: string;
  isShort: boolean;
  rounds: number;
  origin: string;
  workloads: (WorkloadResults & { goals: JudgedGoal[] })[];
}

/** A figure of a sample, or undefined where it was not taken. */
export type Pick = (sample: Measurement) => number | undefined;

const valueOf: Pick = ({ value }) => value;

/** CPU seconds per gigabyte (1e9 bytes) of bodies. */
export const cpuPerGigabyte: Pick = ({ cpuSeconds, bytes }) =>
  cpuSeconds === undefined || !bytes ? undefined : cpuSeconds / (bytes / 1e9);

/** CPU seconds per 1,000 answers. */
export const cpuPerThousand: Pick = ({ cpuSeconds, requests }) =>
  cpuSeconds === undefined || !requests ? undefined : cpuSeconds / (requests / 1000);

/** One of the further figures, by its name. */
export const extra =
  (name: string): Pick =>
  (sample) =>
    sample.extra?.[name];

/** The figures of one entrant, a round each; those rounds left out that have none. */
function figuresOf(results: WorkloadResults, entrant: string, pick: Pick = valueOf): number[] {
  const samples = results.entrants.find(({ name }) => name === entrant)?.samples ?? [];
  return samples.map(pick).filter((figure) => figure !== undefined);
}

/** NaN where the entrant, or the figure, was not measured. */
export function medianOf(results: WorkloadResults, entrant: string, pick: Pick = valueOf): number {
  return median(figuresOf(results, entrant, pick));
}

export function spreadOfEntrant(results: WorkloadResults, entrant: string, pick: Pick = valueOf): Spread | undefined {
  return spreadOf(figuresOf(results, entrant, pick));
}

/** Median of `entrant` over median of `base`. */
export function ratioOf(results: WorkloadResults, entrant: string, base: string, pick: Pick = valueOf): number {
  return medianOf(results, entrant, pick) / medianOf(results, base, pick);
}

/** The figure of a goal against its bounds; what is not a number is not met. */
export function judge(goal: Goal, results: WorkloadResults): JudgedGoal {
  const { words, atLeast, atMost } = goal;
  const value = goal.of(results);
  const isMet = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
  return {
    words,
    value: Number.isFinite(value) ? value : null,
    ...(atLeast !== undefined && { atLeast }),
    ...(atMost !== undefined && { atMost }),
    isMet,
  };
}
