import { Worker } from "node:worker_threads";
import { DataDirectoryError, WriteError } from "./errors.ts";
import type { Rebuilt } from "./metadata.ts";
import {
  renewalStates,
  type ControlOp,
  type FromWriter,
  type Numbered,
  type Result,
  type ToWriter,
  type WriteOp,
} from "./protocol.ts";

/** Two renames and an open take some milliseconds; on a disk that hangs again, the whole process waits no longer than this. */
const renewWithinMs = 5000;

interface Waiter {
  resolve: (value: unknown) => void;
  reject: (error: WriteError) => void;
}

/** The caller's end of the writer thread. */
export class WriterClient {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  readonly #exited: Promise<void>;
  #outbox: Numbered[] = [];
  #lastId = 0;
  #lost: WriteError | undefined;
  #storedBytes = 0;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromWriter) => {
      if (message.kind === "not-opened") return;
      this.#storedBytes = message.storedBytes ?? this.#storedBytes;
      if (message.kind === "results") message.results.forEach((result) => this.#settle(result));
    });
    worker.on("error", (error: unknown) => this.#lose("the writer of the index has failed", error));
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#lose("the writer of the index has ended", undefined);
        resolve();
      });
    });
  }

  /**
   * Starts the writer on the index in `directory`, which is made or migrated first.
   * @throws DataDirectoryError
   */
  static async start(
    directory: string,
  ): Promise<{ writer: WriterClient; wasStoppedCleanly: boolean; rebuilt: Rebuilt | undefined }> {
    // The same file beside this one: .ts in the source tree, .js in dist. The worker needs none of our own flags.
    const file = import.meta.url.endsWith(".ts") ? "./writer.ts" : "./writer.js";
    const worker = new Worker(new URL(file, import.meta.url), { workerData: { directory }, execArgv: [] });
    const opened = firstMessage(worker);
    const writer = new WriterClient(worker);
    const message = await opened;
    if (message.kind === "ready") {
      const { wasStoppedCleanly, rebuilt } = message;
      return { writer, wasStoppedCleanly, rebuilt };
    }
    await writer.#exited;
    const isReasoned = message.kind === "not-opened";
    throw new DataDirectoryError(isReasoned ? message.reason : "io", isReasoned ? message.message : "no answer");
  }

  /** Of the index as it is after the last operation whose outcome is known here. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Resolves when the operation is committed durably, to what it has to tell. */
  send(op: WriteOp | ControlOp): Promise<unknown> {
    if (this.#lost) return Promise.reject(this.#lost);
    this.#lastId += 1;
    const id = this.#lastId;
    // A message costs as much as a short operation: those of one turn of the event loop travel together.
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push({ id, op });
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
    });
  }

  /**
   * Puts a prepared copy in the place of the index while the caller's thread stands still; the caller has no connection open.
   * @throws WriteError `io`
   */
  renew(): void {
    const state = new Int32Array(new SharedArrayBuffer(4));
    this.#post({ op: "renew", state });
    Atomics.wait(state, 0, renewalStates.waiting, renewWithinMs);
    if (Atomics.load(state, 0) !== renewalStates.done) throw new WriteError("io", "the index could not be begun anew");
  }

  /** Lets the writer close the index and end. What was sent before is done first. */
  async end(): Promise<void> {
    this.#post("end");
    await this.#exited;
  }

  #flush(): void {
    if (this.#outbox.length > 0) this.#worker.postMessage(this.#outbox);
    this.#outbox = [];
  }

  /** Behind what has been sent before. */
  #post(message: ToWriter): void {
    this.#flush();
    this.#worker.postMessage(message);
  }

  #settle({ id, failure, value }: Result): void {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (failure) waiter?.reject(new WriteError(failure.kind, failure.message));
    else waiter?.resolve(value);
  }

  #lose(message: string, cause: unknown): void {
    this.#lost ??= new WriteError("closed", message, { cause });
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.reject(this.#lost);
  }
}

function firstMessage(worker: Worker): Promise<FromWriter> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the writer of the index has ended before it began")));
  });
}
