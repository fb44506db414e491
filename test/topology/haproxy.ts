import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Scratch } from "../faults/support/scratch.ts";

const shipped = new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url).pathname;

export interface HaproxyOptions {
  /** `host:port` of HAProxy itself. */
  listen: string;
  /** `host:port` of each parent. */
  parents: readonly string[];
  checkPort: number;
  /** A command that runs the one behind it. */
  under?: readonly [string, ...string[]];
}

export interface Haproxy {
  url: string;
  /** Asks it from where it is; resolves to the status. */
  ask: (path: string) => Promise<number>;
}

/** HAProxy with the configuration that is shipped; more parents than three are lines like those that are there. */
export async function startHaproxy(
  scratch: Scratch,
  { listen, parents, checkPort, under = ["env"] }: HaproxyOptions,
): Promise<Haproxy> {
  const file = join(await scratch.make("haproxy"), "haproxy.cfg");
  const more = parents.slice(3).map((_, place) => `    server parent-${place + 3} "\${PARENT_${place + 3}}"\n`);
  writeFileSync(file, readFileSync(shipped, "utf8") + more.join(""));
  const environment = {
    PATH: process.env["PATH"],
    LISTEN: listen,
    CHECK_PORT: String(checkPort),
    ...Object.fromEntries(parents.map((parent, place) => [`PARENT_${place}`, parent])),
  };
  await promisify(execFile)("haproxy", ["-c", "-f", file], { env: environment });
  const [command, ...args] = [...under, "haproxy", "-db", "-f", file];
  const child = spawn(command, args, { env: environment, stdio: "ignore" });
  const ended = once(child, "exit");
  scratch.onClose(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://${listen}`;
  const ask = async (path: string): Promise<number> => {
    const script = `process.stdout.write(String((await fetch(${JSON.stringify(url + path)})).status))`;
    const [program, ...rest] = [...under, process.execPath, "--input-type=module", "--eval", script];
    return Number((await promisify(execFile)(program, rest)).stdout);
  };
  return { url, ask };
}
