import { Worker } from "node:worker_threads";

export interface Comparison {
  id: number;
  password: string;
  hash: string;
}

export interface Compared {
  id: number;
  isRight: boolean;
}

interface Waiter {
  resolve: (isRight: boolean) => void;
  reject: (error: Error) => void;
}

/**
 * Compares passwords with bcrypt hashes, one after the other, in a thread of its own: each takes some hundred
 * milliseconds of one core, in which requests go on being answered. Started when it is first needed.
 */
export class PasswordThread {
  readonly #waiters = new Map<number, Waiter>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** How many comparisons are waiting or under way. */
  get length(): number {
    return this.#waiters.size;
  }

  compare(password: string, hash: string): Promise<boolean> {
    const worker = (this.#worker ??= this.#start());
    const comparison: Comparison = { id: (this.#lastId += 1), password, hash };
    return new Promise((resolve, reject) => {
      this.#waiters.set(comparison.id, { resolve, reject });
      worker.postMessage(comparison);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // The same file beside this one: .ts in the source tree, .js in dist. The worker needs none of our own flags.
    const file = import.meta.url.endsWith(".ts") ? "./password-worker.ts" : "./password-worker.js";
    const worker = new Worker(new URL(file, import.meta.url), { execArgv: [] });
    worker.unref();
    worker.on("message", ({ id, isRight }: Compared) => {
      this.#waiters.get(id)?.resolve(isRight);
      this.#waiters.delete(id);
    });
    worker.on("error", (error: unknown) => this.#lose(error));
    worker.once("exit", () => this.#lose(undefined));
    return worker;
  }

  #lose(cause: unknown): void {
    this.#worker = undefined;
    const lost = new Error("the thread that compares passwords has ended", { cause });
    for (const { reject } of this.#waiters.values()) reject(lost);
    this.#waiters.clear();
  }
}
