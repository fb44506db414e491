import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entrant, EntrantResults, Opening, Workload, WorkloadResults } from "./workload.ts";

export interface RoundsOptions {
  rounds: number;
  isShort: boolean;
  origin: Opening["origin"];
  /** Aborted: what runs is ended, and the reason thrown. */
  signal: AbortSignal;
  /** Hears of each measurement as it was taken. */
  onMeasured?: (line: string) => void;
}

/** Measures one workload: every entrant once per round, in turn, after a round that is not counted (the short form has none). */
export async function measureWorkload(workload: Workload, options: RoundsOptions): Promise<WorkloadResults> {
  const { isShort, origin, signal } = options;
  const directory = await mkdtemp(join(tmpdir(), "entrepot-compare-"));
  try {
    signal.throwIfAborted();
    const opened = await workload.open({ isShort, directory, origin, signal });
    try {
      return await unlessAborted(signal, measureEntrants(workload, opened.entrants, options));
    } finally {
      await opened.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureEntrants(
  workload: Workload,
  entrants: readonly Entrant[],
  { rounds, isShort, signal, onMeasured }: RoundsOptions,
): Promise<WorkloadResults> {
  const results = entrants.map(({ name }): EntrantResults => ({ name, samples: [] }));
  for (let round = isShort ? 1 : 0; round <= rounds; round += 1) {
    for (const [position, entrant] of entrants.entries()) {
      signal.throwIfAborted();
      const sample = await entrant.measure(round);
      if (round > 0) results[position]?.samples.push(sample);
      const which = round === 0 ? "warm-up" : `round ${round}`;
      onMeasured?.(`${workload.name}, ${which}, ${entrant.name}: ${sample.value.toPrecision(4)} ${workload.unit}`);
    }
  }
  const { name, title, group, unit, isLessBetter } = workload;
  return {
    name,
    ...(title !== undefined && { title }),
    ...(group !== undefined && { group }),
    unit,
    ...(isLessBetter && { isLessBetter }),
    entrants: results,
  };
}

/** What is left running is ended by its owner; how it fails then is of no interest. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", abort);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
