import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/**
 * Runs a script on this Node and kills it with SIGKILL once it has printed `lines` lines; resolves to all it printed.
 * What it says afterwards, before the signal arrives, counts too: it was acknowledged.
 */
export async function linesUntilKilled(script: URL, argument: string, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [script.pathname, argument], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (printed.length === lines) child.kill("SIGKILL");
  }
  await exited;
  return printed;
}
