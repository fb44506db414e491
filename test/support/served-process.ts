import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stringify } from "yaml";

export interface ServedOptions {
  settings: Record<string, unknown>;
  environment?: NodeJS.ProcessEnv;
  /** Stands before `node`, as a program that executes it; by default node itself is started. */
  launcher?: readonly string[];
  /** Descriptors from 3 on. */
  passed?: readonly number[];
}

/** `entrepot serve` as a service manager runs it: a process of its own, told by signals. */
export class ServedProcess {
  /** Lines of its log, parsed. */
  readonly log: Record<string, unknown>[] = [];
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
    this.#exited = once(child, "exit");
    if (!child.stdout) throw new Error("its output is piped");
    createInterface(child.stdout).on("line", (line) => this.log.push(JSON.parse(line) as Record<string, unknown>));
  }

  /** Does not wait until it listens: `listening` does. */
  static async start(options: ServedOptions): Promise<ServedProcess> {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-served-"));
    await ServedProcess.#write(directory, options.settings);
    const { launcher: [launcher, ...words] = [] } = options;
    const [program, before] =
      launcher === undefined ? [process.execPath, []] : [launcher, [...words, process.execPath]];
    const file = join(directory, "entrepot.yaml");
    const stdio: StdioOptions = ["ignore", "pipe", "inherit", ...(options.passed ?? [])];
    const child = spawn(program, [...before, "src/main.ts", "serve", "--config", file], {
      stdio,
      env: { PATH: process.env["PATH"], ...options.environment },
    });
    return new ServedProcess(directory, child);
  }

  static async #write(directory: string, settings: Record<string, unknown>): Promise<void> {
    const defaults = { listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0" }, dataDir: join(directory, "data") };
    await writeFile(join(directory, "entrepot.yaml"), stringify({ ...defaults, ...settings }));
  }

  configure(settings: Record<string, unknown>): Promise<void> {
    return ServedProcess.#write(this.directory, settings);
  }

  /** The line of the log with this message, when it is there. */
  async line(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.log.find(({ msg }) => msg === message);
      if (found) return found;
      if (this.#child.exitCode !== null) throw new Error("it has ended");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async listening(): Promise<{ pull: string[]; admin: string[] }> {
    return (await this.line("listening")) as unknown as { pull: string[]; admin: string[] };
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves to its exit code when it has ended by itself. */
  async exitCode(): Promise<number | null> {
    const [code] = await this.#exited;
    return code as number | null;
  }

  /** Ends it if it runs, and removes its directory. */
  async remove(): Promise<void> {
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#exited;
    await rm(this.directory, { recursive: true, force: true });
  }
}
