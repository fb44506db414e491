import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { until } from "../clients/child-processes.ts";
import { endProcess, spawnAsStart } from "./spawn-as-start.ts";

/** entrepot in a process of its own, so that its memory and its time are its own. */
export interface MeasuredInstance {
  url: string;
  pid: number;
  /** Resident memory in MiB: now, and the most there has been. */
  memory(): Promise<{ nowMiB: number; peakMiB: number }>;
  stop(): Promise<void>;
}

export interface MeasuredOptions {
  /** Where the upstream is another instance: how it is addressed. */
  addressing?: "plain";
  tags?: Record<string, unknown>;
  /** Further keys of the configuration. */
  settings?: Record<string, unknown>;
  /** Exists, and is removed by `stop`. By default one among the temporary ones. */
  directory?: string;
}

/** Starts entrepot with docker.io at `upstreamUrl`, on a data directory of its own; its log goes to a file beside it. */
export async function startMeasured(upstreamUrl: string, options: MeasuredOptions = {}): Promise<MeasuredInstance> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "entrepot-bench-")));
  try {
    const file = join(directory, "entrepot.yaml");
    await writeFile(file, stringify(configuration(upstreamUrl, directory, options)));
    // The first start compiles; what is measured is any later one.
    await endProcess((await start(file, join(directory, "first.log"))).child);
    const { child, url } = await start(file, join(directory, "entrepot.log"));
    return {
      url,
      pid: Number(child.pid),
      memory: () => residentMemory(child),
      async stop() {
        await endProcess(child);
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

function configuration(upstreamUrl: string, directory: string, options: MeasuredOptions): object {
  const { addressing, tags = {}, settings } = options;
  return {
    listen: "127.0.0.1:0",
    admin: { listen: "127.0.0.1:0" },
    dataDir: join(directory, "data"),
    tags,
    upstreams: { "docker.io": { endpoints: [{ url: upstreamUrl, ...(addressing && { addressing }) }] } },
    ...settings,
  };
}

/** Of a process, in MiB: now, and the most there has been. */
export async function residentMemory({ pid }: ChildProcess): Promise<{ nowMiB: number; peakMiB: number }> {
  const status = await readFile(`/proc/${String(pid)}/status`, "utf8");
  return { nowMiB: field(status, "VmRSS"), peakMiB: field(status, "VmHWM") };
}

interface Started {
  child: ChildProcess;
  url: string;
}

async function start(configFile: string, logFile: string): Promise<Started> {
  const log = openSync(logFile, "a");
  const child = await spawnAsStart({
    environment: { ENTREPOT_CONFIG: configFile },
    stdio: ["ignore", log, "inherit"],
  });
  closeSync(log);
  try {
    return { child, url: await listeningUrl(child, logFile) };
  } catch (error) {
    await endProcess(child);
    throw error;
  }
}

async function listeningUrl(child: ChildProcess, logFile: string): Promise<string> {
  let url: string | undefined;
  await until("entrepot to listen", 30_000, () => {
    if (child.exitCode !== null) throw new Error(`entrepot ended with ${String(child.exitCode)} before it listened`);
    const lines = readFileSync(logFile, "utf8").split("\n").slice(0, -1);
    const listening = lines.map((line) => JSON.parse(line) as { msg: string; pull?: string[] });
    const address = listening.find(({ msg }) => msg === "listening")?.pull?.[0];
    if (address !== undefined) url = `http://${address}`;
    return url !== undefined;
  });
  return String(url);
}

function field(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status);
  return Math.round(Number(match?.[1]) / 1024);
}
