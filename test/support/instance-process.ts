import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Pool } from "undici";
import { AdminApi } from "./admin-api.ts";
import { askWhole, readMetric, type AskOptions, type InstanceOptions, type Reply } from "./instance.ts";

export type ToInstance =
  | { id: number; ask: "start"; options: Pick<InstanceOptions, "settings"> & { directory: string } }
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

/** Processes that have loaded the program and wait to be told to start, as loading it takes longer than starting. */
export class InstanceProcesses {
  readonly #all = new Set<ChildProcess>();
  #spare = this.#fork();

  /** An instance in a process of its own; its clock can be put forward. */
  async start(options: { settings: Record<string, unknown>; directory: string }): Promise<InstanceProcess> {
    const child = this.#spare;
    this.#spare = this.#fork();
    const wire = new Wire(child);
    const started = (await wire.ask({ ask: "start", options })) as Started;
    return new InstanceProcess(child, wire, started);
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((child) => killed(child)));
  }

  #fork(): ChildProcess {
    const environment = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: compileCache };
    const child = fork(script, [], { execArgv: [], env: environment });
    this.#all.add(child);
    child.once("exit", () => this.#all.delete(child));
    return child;
  }
}

/** entrepot in a process of its own, so that it can be killed and its index read from outside. */
export class InstanceProcess {
  readonly url: string;
  readonly adminUrl: string;
  readonly api: AdminApi;
  readonly #child: ChildProcess;
  readonly #wire: Wire;
  readonly #pool: Pool;

  constructor(child: ChildProcess, wire: Wire, { url, adminUrl, adminToken }: Started) {
    this.url = url;
    this.adminUrl = adminUrl;
    this.api = new AdminApi(adminUrl, adminToken);
    this.#child = child;
    this.#wire = wire;
    this.#pool = new Pool(url, { connections: 16, bodyTimeout: 20_000, headersTimeout: 20_000 });
  }

  readonly ask = (path: string, options: AskOptions = {}): Promise<Reply> => askWhole(this.#pool, path, options);

  metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    return readMetric(this.adminUrl, name, labels);
  }

  /** Puts its clock forward: what was to happen meanwhile happens at once. */
  async skip(ms: number): Promise<void> {
    await this.#wire.ask({ ask: "skip", ms });
  }

  /** What it has logged as an error since the last question. */
  async errors(): Promise<string[]> {
    return (await this.#wire.ask({ ask: "errors" })) as string[];
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
    await this.#wire.ask({ ask: "stop" });
    await killed(this.#child);
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    await killed(this.#child);
    await this.#pool.destroy();
  }
}

type Question = ToInstance extends infer T ? (T extends { id: number } ? Omit<T, "id"> : never) : never;

/** Questions and answers over IPC. */
class Wire {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", ({ id, value, failure }: FromInstance) => {
      const waiter = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiter?.resolve(value);
      else waiter?.reject(new Error(failure));
    });
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the instance has ended"));
    });
  }

  ask(question: Question): Promise<unknown> {
    this.#lastId += 1;
    const waiter = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#lastId, waiter);
    this.#child.send({ id: this.#lastId, ...question });
    return waiter.promise;
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
