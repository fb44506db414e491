import type { ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";
import { endProcess, spawnAsStart } from "./spawn-as-start.ts";

/** entrepot in a process of its own, so that its memory and its time are its own. */
export interface MeasuredInstance {
  url: string;
  /** Resident memory in MiB: now, and the most there has been. */
  memory(): Promise<{ nowMiB: number; peakMiB: number }>;
  stop(): Promise<void>;
}

interface MeasuredOptions {
  /** Where the upstream is another instance: how it is addressed. */
  addressing?: "plain";
  tags?: Record<string, unknown>;
}

/** Starts entrepot with docker.io at `upstreamUrl`, on a temporary data directory. */
export async function startMeasured(upstreamUrl: string, options: MeasuredOptions = {}): Promise<MeasuredInstance> {
  const { addressing, tags = {} } = options;
  const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
  const file = join(directory, "entrepot.yaml");
  await writeFile(
    file,
    stringify({
      listen: "127.0.0.1:0",
      admin: { listen: "127.0.0.1:0" },
      dataDir: join(directory, "data"),
      tags,
      upstreams: { "docker.io": { endpoints: [{ url: upstreamUrl, ...(addressing && { addressing }) }] } },
    }),
  );
  // The first start compiles; what is measured is any later one.
  await endProcess((await start(file)).child);
  const { child, url } = await start(file);
  return {
    url,
    memory: () => residentMemory(child),
    async stop() {
      await endProcess(child);
      await rm(directory, { recursive: true, force: true });
    },
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

async function start(configFile: string): Promise<Started> {
  const child = await spawnAsStart({
    environment: { ENTREPOT_CONFIG: configFile },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, url: await listeningUrl(child) };
}

function listeningUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (!child.stdout) throw new Error("the log comes by a pipe");
    createInterface(child.stdout).on("line", (line) => {
      const { msg, pull } = JSON.parse(line) as { msg: string; pull?: string[] };
      if (msg === "listening") resolve(`http://${String(pull?.[0])}`);
    });
    child.once("exit", (code) => reject(new Error(`entrepot ended with ${String(code)} before it listened`)));
  });
}

function field(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status);
  return Math.round(Number(match?.[1]) / 1024);
}
