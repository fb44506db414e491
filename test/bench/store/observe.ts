import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile, type Figure } from "./figures.ts";
import type { Hits } from "./hits.ts";
import type { Pauses } from "./probe/protocol.ts";
import type { WatchedInstance } from "./watched-instance.ts";

/** A longest pause may happen once; that of most windows of this length is what is to be expected. */
const windowMs = 2000;

const maxPauseMs = 50;

export interface Observed {
  instance: WatchedInstance;
  hits: Hits;
}

/** What the event loop and the requests of others have felt of `work`. */
export async function observe(
  name: string,
  { instance, hits }: Observed,
  work: () => Promise<unknown>,
): Promise<Figure[]> {
  // What came before does not count.
  await instance.takePauses();
  instance.takeCheckpoints();
  hits.takeTimes();
  const startedAt = performance.now();
  const state = { isOver: false };
  const over = work().finally(() => (state.isOver = true));
  const windows: Pauses[] = [];
  while (!state.isOver) {
    await Promise.race([over, sleep(windowMs)]);
    windows.push(await instance.takePauses());
  }
  await over;
  const seconds = (performance.now() - startedAt) / 1000;
  const { checkpoints, longestLogMiB } = instance.takeCheckpoints();
  return [
    ...pauseFigures(name, windows),
    { name: `${name}: hits meanwhile, p99`, unit: "ms", value: quantile(hits.takeTimes(), 0.99) },
    { name: `${name}: checkpoints`, unit: "", value: checkpoints },
    { name: `${name}: length of the log`, unit: "MiB", value: longestLogMiB },
    { name: `${name}: watched for`, unit: "s", value: seconds },
  ];
}

function pauseFigures(name: string, windows: readonly Pauses[]): Figure[] {
  const of = (kind: keyof Pauses): number[] => windows.map((pauses) => pauses[kind]);
  return [
    { name: `${name}: longest pause`, unit: "ms", aim: maxPauseMs, value: Math.max(...of("longestMs")) },
    { name: `${name}: longest pause of each 2 s, median`, unit: "ms", value: median(of("longestMs")) },
    { name: `${name}: longest without other processes`, unit: "ms", value: Math.max(...of("longestOwnMs")) },
    { name: `${name}: longest on a processor`, unit: "ms", value: Math.max(...of("longestRunMs")) },
    { name: `${name}: share that the loop is busy`, unit: "", value: median(of("busy")) },
  ];
}
