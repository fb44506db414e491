import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { endProcess, spawnAsStart } from "../spawn-as-start.ts";
import type { Held } from "./catalog.ts";
import { median, type Figure } from "./figures.ts";
import type { PreparedStore } from "./prepared-store.ts";
import { writeSettings } from "./settings-file.ts";

const cleanStarts = 5;
const uncleanStarts = 3;
const askEveryMs = 2;
const withinMs = 120_000;

/** From the start of the process to the first hit answered, after a clean stop and after a `kill -9`, by median. */
export async function measureFirstHits(store: PreparedStore, blobs: readonly Held[]): Promise<Figure[]> {
  const home = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
  const port = await freePort();
  const file = await writeSettings({ home, dataDir: store.directory, port });
  const left = [...blobs];
  const afterStop: number[] = [];
  const stops: number[] = [];
  const afterKill: number[] = [];
  let child: ChildProcess | undefined;
  const start = async (): Promise<number> => {
    const { repository, digest } = left.pop() ?? {};
    const startedAt = performance.now();
    child = await spawnAsStart({ environment: { ENTREPOT_CONFIG: file }, stdio: ["ignore", "ignore", "inherit"] });
    await firstHit(child, `http://127.0.0.1:${port}/v2/${String(repository)}/blobs/${String(digest)}`);
    return performance.now() - startedAt;
  };
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    const startedAt = performance.now();
    if (child) await endProcess(child, signal);
    return performance.now() - startedAt;
  };
  try {
    // The first start compiles.
    await start();
    for (let done = 0; done < cleanStarts; done += 1) {
      stops.push(await end("SIGTERM"));
      afterStop.push(await start());
    }
    for (let done = 0; done < uncleanStarts; done += 1) {
      // The writes of what was just asked for are in the log by then.
      await sleep(2000);
      await end("SIGKILL");
      afterKill.push(await start());
    }
  } finally {
    await end("SIGTERM");
    await rm(home, { recursive: true });
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}
