import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { freePort } from "../../clients/child-processes.ts";
import { endProcess, spawnAsStart } from "../spawn-as-start.ts";
import type { Held } from "./catalog.ts";
import { median, type Figure } from "./figures.ts";
import type { PreparedStore } from "./prepared-store.ts";
import { writeSettings } from "./settings-file.ts";

const cleanStarts = 5;
const uncleanStarts = 3;
const askEveryMs = 2;
const withinMs = 120_000;

/** Starts of entrepot on a store, one after the other, each timed to its first hit. */
export class Starts {
  readonly #home: string;
  readonly #port: number;
  readonly #settingsFile: string;
  readonly #left: Held[];
  readonly #all: readonly Held[];
  #child: ChildProcess | undefined;

  private constructor(home: string, port: number, settingsFile: string, blobs: readonly Held[]) {
    this.#home = home;
    this.#port = port;
    this.#settingsFile = settingsFile;
    this.#all = blobs;
    this.#left = [];
  }

  /** It runs then: the first start compiles, and is not timed. */
  static async prepare(store: PreparedStore, blobs: readonly Held[]): Promise<Starts> {
    const home = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
    const port = await freePort();
    const file = await writeSettings({ home, dataDir: store.directory, port });
    const starts = new Starts(home, port, file, blobs);
    try {
      await starts.start();
      return starts;
    } catch (error) {
      await starts.close();
      throw error;
    }
  }

  /** From the start of the process to the first hit answered, in ms; another blob each time, while there are some. */
  async start(): Promise<number> {
    if (this.#left.length === 0) this.#left.push(...this.#all);
    const { repository, digest } = this.#left.pop() ?? {};
    const startedAt = performance.now();
    this.#child = await spawnAsStart({
      environment: { ENTREPOT_CONFIG: this.#settingsFile },
      stdio: ["ignore", "ignore", "inherit"],
    });
    await firstHit(this.#child, `http://127.0.0.1:${this.#port}/v2/${String(repository)}/blobs/${String(digest)}`);
    return performance.now() - startedAt;
  }

  /** How long it has taken to end, in ms. */
  async end(signal: NodeJS.Signals): Promise<number> {
    const startedAt = performance.now();
    if (this.#child) await endProcess(this.#child, signal);
    return performance.now() - startedAt;
  }

  /** Ends it as a crash does, when the writes of what was just asked for are in the log. */
  async crash(): Promise<void> {
    await sleep(2000);
    await this.end("SIGKILL");
  }

  async close(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** From the start of the process to the first hit answered, after a clean stop and after a `kill -9`, by median. */
export async function measureFirstHits(store: PreparedStore, blobs: readonly Held[]): Promise<Figure[]> {
  const afterStop: number[] = [];
  const stops: number[] = [];
  const afterKill: number[] = [];
  const starts = await Starts.prepare(store, blobs);
  try {
    for (let done = 0; done < cleanStarts; done += 1) {
      stops.push(await starts.end("SIGTERM"));
      afterStop.push(await starts.start());
    }
    for (let done = 0; done < uncleanStarts; done += 1) {
      await starts.crash();
      afterKill.push(await starts.start());
    }
  } finally {
    await starts.close();
  }
  return [
    { name: "start to first hit after a clean stop, median of 5", unit: "ms", aim: 1000, value: median(afterStop) },
    { name: "start to first hit after a clean stop, slowest of 5", unit: "ms", value: Math.max(...afterStop) },
    { name: "start to first hit after kill -9, median of 3", unit: "ms", value: median(afterKill) },
    { name: "clean stop, median of 5", unit: "ms", value: median(stops) },
  ];
}

async function firstHit(child: ChildProcess, url: string): Promise<void> {
  const until = performance.now() + withinMs;
  while (performance.now() < until && child.exitCode === null) {
    if (await isHit(url)) return;
    await sleep(askEveryMs);
  }
  throw new Error(`no hit: ${url}`);
}

/** False, too, where nobody listens yet. */
async function isHit(url: string): Promise<boolean> {
  try {
    const { statusCode, headers, body } = await request(url, { reset: true });
    await body.dump();
    return statusCode === 200 && String(headers["cache-status"]).startsWith("entrepot; hit");
  } catch {
    return false;
  }
}
