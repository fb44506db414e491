// The one directory everything lives in, and how it is removed even if a client has left something mounted there.
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary } from "./child-processes.ts";
import { spawnSync } from "node:child_process";

export function createScratchDirectory(): string {
  // Short: a path of a unix socket has at most 107 bytes.
  return realpathSync(mkdtempSync(join(tmpdir(), "entrepot-clients-")));
}

export function removeScratchDirectory(directory: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const below = mounts.map((line) => line.split(" ")[1] ?? "").filter((point) => point.startsWith(`${directory}/`));
  for (const mountPoint of below.reverse()) spawnSync(binary("umount"), ["--lazy", mountPoint]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

/** Processes that were given something in this directory and still run: `pid command line`. */
export function processesNaming(directory: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return commandLine.includes(`${directory}/`) ? [`${pid} ${commandLine}`] : [];
    } catch {
      return []; // It ended while we looked.
    }
  });
}
