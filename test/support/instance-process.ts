import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Pool } from "undici";
import { AdminApi } from "./admin-api.ts";
import { askWhole, readMetric, type AskOptions, type Reply } from "./instance.ts";

export type ToInstance =
  | { id: number; ask: "start"; options: ProcessOptions }
  | { id: number; ask: "skip"; ms: number }
  | { id: number; ask: "errors" }
  | { id: number; ask: "stop" };

export interface FromInstance {
  id: number;
  /** What is asked for, or why it could not be done. */
  value?: unknown;
  failure?: string;
}

export interface Started {
  url: string;
  adminUrl: string;
  adminToken: string;
}

const script = new URL("./instance-process/run.ts", import.meta.url).pathname;
const compileCache = new URL("../../node_modules/.cache/compile", import.meta.url).pathname;

export interface ProcessOptions {
  settings: Record<string, unknown>;
  directory: string;
  /** How far its clock is ahead of the real one. */
  skippedMs?: number;
}

/** Processes that have loaded the program and wait to be told to start, as loading it takes longer than starting. */
export class InstanceProcesses {
  readonly #all = new Set<Host>();
  readonly #idle: Host[] = [this.#open()];

  /** An instance in a process of its own; its clock can be put forward. */
  async start(options: ProcessOptions): Promise<InstanceProcess> {
    const host = this.#idle.shift() ?? this.#open();
    if (this.#idle.length === 0) this.#idle.push(this.#open());
    const started = (await host.ask({ ask: "start", options })) as Started;
    return new InstanceProcess(host, started, () => this.#idle.unshift(host));
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((host) => host.kill()));
  }

  #open(): Host {
    const host: Host = new Host(() => this.#all.delete(host));
    this.#all.add(host);
    return host;
  }
}

/** entrepot in a process of its own, so that it can be killed and its index read from outside. */
export class InstanceProcess {
  /** Of the pull listener. */
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly api: AdminApi;
  readonly #host: Host;
  readonly #giveBack: () => void;
  readonly #pool: Pool;

  constructor(host: Host, { url, adminUrl, adminToken }: Started, giveBack: () => void) {
    this.url = url;
    this.adminUrl = adminUrl;
    this.adminToken = adminToken;
    this.api = new AdminApi(adminUrl, adminToken);
    this.#host = host;
    this.#giveBack = giveBack;
    this.#pool = new Pool(url, { connections: 16, bodyTimeout: 20_000, headersTimeout: 20_000 });
  }

  ask(path: string, options: AskOptions = {}): Promise<Reply> {
    return askWhole(this.#pool, path, options);
  }

  metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    return readMetric(this.adminUrl, name, labels);
  }

  /** Puts its clock forward: what was to happen meanwhile happens at once. */
  async skip(ms: number): Promise<void> {
    await this.#host.ask({ ask: "skip", ms });
  }

  /** What it has logged as an error since the last question. */
  async errors(): Promise<string[]> {
    return (await this.#host.ask({ ask: "errors" })) as string[];
  }

  /** A clean stop; the process is kept for another instance. */
  async stop(): Promise<void> {
    await this.#pool.destroy();
    await this.#host.ask({ ask: "stop" });
    this.#giveBack();
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#host.kill();
    await this.#pool.destroy();
  }
}

type Question = ToInstance extends infer T ? (T extends { id: number } ? Omit<T, "id"> : never) : never;

/** A process that runs one instance at a time, and answers questions over IPC. */
class Host {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(onExit: () => void) {
    const environment = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: compileCache };
    this.#child = fork(script, [], { execArgv: [], env: environment });
    this.#exited = once(this.#child, "exit");
    this.#child.on("message", ({ id, value, failure }: FromInstance) => {
      const waiter = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiter?.resolve(value);
      else waiter?.reject(new Error(failure));
    });
    this.#child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the instance has ended"));
      onExit();
    });
  }

  ask(question: Question): Promise<unknown> {
    this.#lastId += 1;
    const waiter = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#lastId, waiter);
    this.#child.send({ id: this.#lastId, ...question });
    return waiter.promise;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
