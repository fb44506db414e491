import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ChildProcesses } from "../../clients/child-processes.ts";
import type { TestUpstream } from "../../upstream/index.ts";
import { openOrigin, type Copied, type Origin } from "./origin.ts";
import type { Entrant, Opening, OpenWorkload } from "./workload.ts";

/** A server under measurement. */
export interface Server {
  name: string;
  url: string;
  /** Of the processes whose CPU time and memory are its own; their children count with them. */
  pids: readonly number[];
  /** Throws where it does not do with something stored what it is measured for. */
  check?: (asset: { path: string }) => Promise<void>;
}

/**
 * What the servers of one workload stand on. Everything started through it is ended by `close`, the newest first, or when
 * the signal of the opening is aborted.
 */
export interface Stage {
  readonly processes: ChildProcesses;
  readonly origin: Origin;
  /** A directory inside that of the workload. */
  directoryFor: (name: string) => string;
  /** Something else to be ended with the stage; at once where that has happened. */
  onClose: (end: () => Promise<void>) => Promise<void>;
  close(): Promise<void>;
}

/** @param fill - pushes what the origin holds, and tells which tags of it matter */
export async function openStage(how: Opening, fill: (upstream: TestUpstream) => Copied[]): Promise<Stage> {
  const endings = new Endings();
  const close = (): Promise<void> => endings.begin();
  how.signal.addEventListener("abort", () => void close(), { once: true });
  const processes = new ChildProcesses(how.directory);
  await endings.add(() => processes.endAll());
  try {
    const origin = await openOrigin(how.origin, processes, how.directory, fill);
    await endings.add(() => origin.close());
    return {
      processes,
      origin,
      directoryFor: (name) => madeDirectory(join(how.directory, name.replaceAll(/[^a-z0-9]+/g, "-"))),
      onClose: (end) => endings.add(end),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Entrants on a stage of their own with the in-process origin, which is empty at first. */
export async function openOnStage(how: Opening, build: (stage: Stage) => Promise<Entrant[]>): Promise<OpenWorkload> {
  const stage = await openStage({ ...how, origin: "in-process" }, () => []);
  return openWith(stage, () => build(stage));
}

/** Entrants on a stage; what has been started is ended where `build` fails. */
export async function openWith(stage: Stage, build: () => Promise<Entrant[]>): Promise<OpenWorkload> {
  try {
    return { entrants: await build(), close: () => stage.close() };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** What is to be done at the end, the newest first. */
class Endings {
  readonly #ends: (() => Promise<void>)[] = [];
  #begun: Promise<void> | undefined;

  async add(end: () => Promise<void>): Promise<void> {
    if (this.#begun) return end();
    this.#ends.push(end);
  }

  begin(): Promise<void> {
    this.#begun ??= this.#end();
    return this.#begun;
  }

  async #end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}

function madeDirectory(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
