// The product as users run it, in a process of its own that can be killed: `node src/main.ts serve`.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Agent, request } from "undici";
import { stringify } from "yaml";
import { AdminApi } from "../../support/admin-api.ts";
import type { AskOptions, Reply } from "../../support/instance.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** The program under test; another copy of it can be tried by naming its main file in ENTREPOT_MAIN. */
export const entrepotMain = resolve(root, process.env["ENTREPOT_MAIN"] ?? "src/main.ts");

const startWithinMs = 60_000;
const stopWithinMs = 30_000;

export interface ProcessOptions {
  /** Where its configuration and, in `data/`, its data are. */
  directory: string;
  upstreamUrl: string;
  /** Added to the configuration. */
  settings?: Record<string, unknown> | undefined;
  main?: string | undefined;
  /** A command that runs the one behind it, such as a tracer; it must leave it the process id. */
  under?: readonly string[] | undefined;
  environment?: Record<string, string>;
}

export function dataDirectoryIn(directory: string): string {
  return join(directory, "data");
}

export class EntrepotProcess {
  readonly pid: number;
  /** Lines of its output. */
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  readonly #dataDirectory: string;
  readonly #exited: Promise<unknown>;
  readonly #agent = new Agent({ connections: 64, headersTimeout: 120_000, bodyTimeout: 120_000 });
  #url = "";
  #adminUrl = "";
  #listening: Promise<void> | undefined;

  private constructor(child: ChildProcess, dataDirectory: string) {
    if (child.pid === undefined) throw new Error("entrepot could not be started");
    this.pid = child.pid;
    this.#child = child;
    this.#dataDirectory = dataDirectory;
    this.#exited = once(child, "exit");
  }

  /** Resolves when it listens. */
  static async start(options: ProcessOptions): Promise<EntrepotProcess> {
    const process = await EntrepotProcess.launch(options);
    await process.listening();
    return process;
  }

  /** Resolves when it has been started; it may take its time to listen, or end before it does. */
  static async launch({
    directory,
    main = entrepotMain,
    under = [],
    ...options
  }: ProcessOptions): Promise<EntrepotProcess> {
    await mkdir(directory, { recursive: true });
    const configuration = join(directory, "entrepot.yaml");
    writeFileSync(configuration, configurationOf(directory, options));
    const [command, ...args] = [...under, process.execPath, main, "serve"];
    const environment = {
      PATH: process.env["PATH"],
      ENTREPOT_CONFIG: configuration,
      NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "compile"),
      ...options.environment,
    };
    const child = spawn(command, args, { env: environment, cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
    const started = new EntrepotProcess(child, dataDirectoryIn(directory));
    running.add(started);
    started.#exited.then(
      () => running.delete(started),
      () => running.delete(started),
    );
    return started;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it listens; rejects with its last words when it ends before. */
  listening(): Promise<void> {
    this.#listening ??= this.#untilItListens();
    return this.#listening;
  }

  async #untilItListens(): Promise<void> {
    const listens = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => listens.reject(this.#complaint("does not listen")), startWithinMs);
    this.#readOutput(({ pull, admin }) => {
      this.#url = `http://${String(pull[0])}`;
      this.#adminUrl = `http://${String(admin[0])}`;
      listens.resolve(undefined);
    });
    this.#exited.then(() => listens.reject(this.#complaint("ended at its start")), listens.reject);
    await listens.promise.finally(() => clearTimeout(timer));
  }

  async ask(path: string, { method = "GET", headers = {}, signal }: AskOptions = {}): Promise<Reply> {
    const options = { dispatcher: this.#agent, method, headers, ...(signal && { signal }) };
    const response = await request(`${this.#url}${path}`, options);
    const chunks: Buffer[] = [];
    let isShort = false;
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      isShort = true;
    }
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks), isShort };
  }

  /** What an operator may ask of it. */
  get admin(): AdminApi {
    return new AdminApi(this.#adminUrl, readFileSync(join(this.#dataDirectory, "admin-token"), "utf8").trim());
  }

  /** Resolves when no fill runs any more: a client has its last byte before the file is committed. */
  async settled(): Promise<void> {
    for (;;) {
      const { body } = await request(`${this.#adminUrl}/api/v1/stats`, { dispatcher: this.#agent });
      const { flights } = (await body.json()) as { flights: { running: number } };
      if (flights.running === 0) return;
      await sleep(10);
    }
  }

  /** Resolves when files and index have been compared after the start. */
  async reconciled(): Promise<void> {
    for (;;) {
      const { body } = await request(`${this.#adminUrl}/metrics`, { dispatcher: this.#agent });
      if (/^entrepot_reconcile_ratio 1$/m.test(await body.text())) return;
      await sleep(10);
    }
  }

  /** Asks it to stop; rejects unless it comes to a clean end. */
  async stop(): Promise<void> {
    await this.#agent.destroy();
    if (this.hasEnded) throw this.#complaint("ended before it was told to");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopWithinMs);
    await this.#exited;
    clearTimeout(timer);
    if (this.#child.exitCode !== 0) throw this.#complaint("did not stop cleanly");
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended();
  }

  /** Resolves when it has ended, however. */
  async ended(): Promise<void> {
    await this.#exited;
    await this.#agent.destroy();
  }

  #readOutput(onListening: (addresses: Addresses) => void): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.log.push(line);
        if (line.includes('"msg":"listening"')) onListening(JSON.parse(line) as Addresses);
      });
    }
  }

  #complaint(words: string): Error {
    const end = `exit ${this.#child.exitCode ?? this.#child.signalCode ?? "not yet"}`;
    return new Error(`entrepot ${words} (${end}):\n${this.log.slice(-15).join("\n")}`);
  }
}

interface Addresses {
  pull: string[];
  admin: string[];
}

const running = new Set<EntrepotProcess>();

/** Ends what a test has left running. */
export async function killAll(): Promise<void> {
  await Promise.all([...running].map((process) => process.kill()));
}

function configurationOf(
  directory: string,
  { upstreamUrl, settings }: Pick<ProcessOptions, "upstreamUrl" | "settings">,
): string {
  return stringify({
    listen: "127.0.0.1:0",
    admin: { listen: "127.0.0.1:0" },
    dataDir: dataDirectoryIn(directory),
    storage: { maxSize: "10GiB", minFree: "1MiB" },
    // A hit from before a crash is to be one afterwards; an upstream that is down is given up at once, and tried again soon.
    tags: { freshFor: "1d" },
    limits: { attempts: 1 },
    log: { format: "json", level: "info" },
    upstreams: { "docker.io": { endpoints: [upstreamUrl], breaker: { openFor: "500ms" } } },
    ...settings,
  });
}
