import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

const entrepot = "src/main.ts serve";

export interface SpawnOptions {
  /** Instead of entrepot itself. */
  program?: string;
  environment?: Record<string, string>;
  stdio: StdioOptions;
}

/** Starts entrepot as `npm start` does it, without the npm process in between. */
export async function spawnAsStart({ program = entrepot, environment, stdio }: SpawnOptions): Promise<ChildProcess> {
  const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: { start: string } };
  if (!scripts.start.endsWith(entrepot)) throw new Error(`npm start does not run ${entrepot}`);
  const script = scripts.start.replace(entrepot, program);
  return spawn("sh", ["-c", script], {
    env: { ...process.env, PATH: `node_modules/.bin:${String(process.env["PATH"])}`, ...environment },
    stdio,
  });
}

/** Stops it cleanly; resolves when it has ended. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}
