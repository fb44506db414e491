// Every process the client tests start: daemons that stay and commands that end. Each is ended by its own pid.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Only the distribution's own binaries: what stands first on a developer's PATH may be something else. */
const systemPath = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The binaries the clients need, and the Debian package that brings each. */
const packageOf: Readonly<Record<string, string>> = {
  tar: "tar",
  umount: "mount",
  "docker-registry": "docker-registry",
  skopeo: "skopeo",
  umoci: "umoci",
  dockerd: "docker.io",
  docker: "docker.io",
  containerd: "containerd",
  ctr: "containerd",
  podman: "podman",
  nginx: "nginx-light",
  wrk: "wrk",
  buildah: "buildah",
  unshare: "util-linux",
  prometheus: "prometheus",
  promtool: "prometheus",
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Absolute path of a distribution's binary; throws with the package to install. */
export function binary(name: string): string {
  const found = systemPath.map((directory) => join(directory, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(`${name} is not installed: apt-get install ${packageOf[name] ?? name}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Asks again and again, a bounded number of times. */
export async function until(
  what: string,
  timeoutMs: number,
  holds: () => boolean | Promise<boolean>,
  everyMs = 50,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await sleep(everyMs);
  }
}

export function sizeOf(logFile: string): number {
  return existsSync(logFile) ? statSync(logFile).size : 0;
}

/** The last lines of what was written after the first `from` bytes. */
export function tailOf(logFile: string, from: number, lines = 15): string[] {
  if (!existsSync(logFile)) return [];
  const written = readFileSync(logFile).subarray(from).toString().trimEnd().split("\n");
  return written.slice(-lines).map((line) => line.slice(0, 400));
}

export interface Daemon {
  readonly pid: number;
  readonly isRunning: () => boolean;
  readonly end: () => Promise<void>;
}

interface StartOptions {
  logFile: string;
  env?: Record<string, string>;
  cwd?: string;
}

interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
  /** The exit codes that are no failure; by default 0 alone. */
  accepts?: readonly number[];
}

export class ChildProcesses {
  readonly #running = new Set<ChildProcess>();
  readonly #home: string;
  #isClosed = false;

  constructor(home: string) {
    this.#home = home;
  }

  /** Starts a process that stays; its output goes to `logFile`. */
  start(command: string, args: readonly string[], options: StartOptions): Daemon {
    const log = openSync(options.logFile, "a");
    const child = this.#spawn(command, args, options, ["ignore", log, log]);
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command} could not be started`);
    return { pid, isRunning: () => this.#running.has(child), end: () => this.#end(child) };
  }

  /** Runs a command to its end and answers its standard output; throws with its standard error. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const child = this.#spawn(command, args, options, ["ignore", "pipe", "pipe"]);
    const output: Buffer[] = [];
    const complaint: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => complaint.push(chunk));
    const timeoutMs = options.timeoutMs ?? 60_000;
    const overdue = AbortSignal.timeout(timeoutMs);
    const kill = () => void child.kill("SIGKILL");
    overdue.addEventListener("abort", kill);
    try {
      const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
      if (code !== null && (options.accepts ?? [0]).includes(code)) return Buffer.concat(output).toString();
      const why = overdue.aborted ? `took longer than ${timeoutMs} ms` : `ended with ${code ?? signal ?? "nothing"}`;
      throw new Error(`${command} ${args.join(" ")} ${why}\n${Buffer.concat(complaint).toString().slice(-2000)}`);
    } finally {
      overdue.removeEventListener("abort", kill);
    }
  }

  /** Ends everything that still runs, the newest first. */
  async endAll(): Promise<void> {
    this.#isClosed = true;
    for (const child of [...this.#running].reverse()) await this.#end(child);
  }

  #spawn(
    command: string,
    args: readonly string[],
    options: { env?: Record<string, string>; cwd?: string },
    stdio: ("ignore" | "pipe" | number)[],
  ): ChildProcess {
    if (this.#isClosed) throw new Error("the run is ending: nothing is started any more");
    // Nothing outside this machine is reachable: a client that goes past the cache fails instead of being served.
    const env = {
      PATH: systemPath.join(":"),
      HOME: this.#home,
      TMPDIR: this.#home,
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
      ...options.env,
    };
    const child = spawn(command, args, { stdio, env, cwd: options.cwd ?? this.#home });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    child.once("error", () => this.#running.delete(child));
    return child;
  }

  async #end(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  }
}
