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
  const tookMs = performance.now() - startedAt;
  return [...figuresOf(name, windows, hits.takeTimes()), ...logFigures(name, instance, tookMs)];
}

/** Of a stretch of time that has gone by already. */
function figuresOf(name: string, windows: readonly Pauses[], hitsMs: readonly number[]): Figure[] {
  const all = windows.map(({ longestMs }) => longestMs);
  const longest = (kind: keyof Pauses): number => Math.max(...windows.map((pauses) => pauses[kind]));
  return [
    { name: `${name}: longest pause`, unit: "ms", aim: maxPauseMs, value: Math.max(...all) },
    { name: `${name}: longest pause of each 2 s, median`, unit: "ms", value: median(all) },
    { name: `${name}: longest without other processes`, unit: "ms", value: longest("longestOwnMs") },
    { name: `${name}: longest on a processor`, unit: "ms", value: longest("longestRunMs") },
    { name: `${name}: loop busy`, unit: "", value: median(windows.map(({ busy }) => busy)) },
    { name: `${name}: hits meanwhile, p50`, unit: "ms", value: median(hitsMs) },
    { name: `${name}: hits meanwhile, p99`, unit: "ms", value: quantile(hitsMs, 0.99) },
  ];
}

function logFigures(name: string, instance: WatchedInstance, tookMs: number): Figure[] {
  const { checkpoints, longestLogMiB } = instance.takeCheckpoints();
  return [
    { name: `${name}: checkpoints`, unit: "", value: checkpoints },
    { name: `${name}: longest log`, unit: "MiB", value: longestLogMiB },
    { name: `${name}: took`, unit: "s", value: tookMs / 1000 },
  ];
}
