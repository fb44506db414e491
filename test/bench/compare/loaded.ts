import type { Server, Stage } from "./stage.ts";
import { watchUsage } from "./usage.ts";
import { accept, type Asset } from "./warming.ts";
import type { Entrant, Measurement } from "./workload.ts";
import { runWrk, type WrkFigures } from "./wrk.ts";

/** How many bytes of an answer are worth more than its header: from here on, what came of unfinished answers counts. */
const largeBytes = 1e6;

export interface LoadedOptions {
  /** Asked for in turn, all of one size. */
  assets: readonly Asset[];
  connections: number;
  seconds: number;
  /** What is told as the value; by default requests per second. */
  value?: (figures: WrkFigures, bodyBytes: number) => number;
}

/** Megabytes (1e6) of bodies per second. */
export const megabytesPerSecond = ({ seconds }: WrkFigures, bodyBytes: number): number => bodyBytes / 1e6 / seconds;

/** A server that is loaded with wrk, its processes watched meanwhile; those of the load are not its own. */
export function loadedEntrant(server: Server, stage: Stage, options: LoadedOptions): Entrant {
  const { assets, connections, seconds, value = requestsPerSecond } = options;
  const directory = stage.directoryFor(`load ${server.name}`);
  const load = { paths: assets.map(({ path }) => path), connections, seconds, headers: { accept } };
  const size = assets[0]?.bytes ?? 0;
  return {
    name: server.name,
    async measure(): Promise<Measurement> {
      const usage = watchUsage(...server.pids);
      const asked = stage.origin.watch();
      const figures = await runWrk(stage.processes, directory, server.url, load);
      const bytes = bodyBytesOf(figures, size);
      return {
        ...usage(),
        value: value(figures, bytes),
        bytes,
        requests: figures.requests,
        upstream: asked(),
        extra: { "p50 ms": figures.p50Ms, "p99 ms": figures.p99Ms },
      };
    },
  };
}

function requestsPerSecond({ requests, seconds }: WrkFigures): number {
  return requests / seconds;
}

function bodyBytesOf({ requests, bytes }: WrkFigures, size: number): number {
  if (bytes < requests * size) throw new Error(`${requests} answers of ${size} bytes each came with ${bytes} in all`);
  return size < largeBytes ? requests * size : bytes;
}
