import { Worker } from "node:worker_threads";
import type { FoundFile, Shelf } from "../blobstore/index.ts";
import type { Digest } from "../oci/index.ts";
import { threadLost, type FromHasher, type Hashed, type ToHasher } from "./hash-protocol.ts";

/** A file or a directory could not be read: the code of the system call, or one of hash-protocol.ts. */
export class HashFailed extends Error {
  override readonly name = "HashFailed";
  readonly code: string;
  /** Of the file that was found, as in `Hashed`; undefined where none was. */
  readonly changedAt: number | undefined;

  constructor(what: string, code: string, changedAt?: number) {
    super(`reading ${what}: ${code}`);
    this.code = code;
    this.changedAt = changedAt;
  }
}

export interface HashOptions {
  /** Looked at between steps of 1 MiB; the promise then rejects with its reason. */
  signal: AbortSignal;
  /** Told the bytes of each step; the next one waits for what it returns. */
  onStep?: (bytes: number) => Promise<void> | void;
  /** Whether to parse the bytes, where they can be a manifest. */
  wantsManifest?: boolean;
}

/** A thread that nobody needs keeps some 15 MiB of memory. */
const endIdleAfterMs = 10_000;

/** Lists and hashes the files of a data directory, in a thread that is there while it is needed. */
export class Hasher {
  readonly #directory: string;
  #thread: Thread | undefined;
  #users = 0;
  #endIdle: NodeJS.Timeout | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws HashFailed where the directory cannot be read. */
  list(shelf: Shelf): Promise<FoundFile[]> {
    return this.#inThread(async (thread) => {
      const reply = await thread.ask({ id: this.#newId(), ask: "list", shelf });
      if (reply.kind === "listed") return reply.files;
      throw failureOf(`${shelf.algorithm}/${shelf.prefix}`, reply);
    });
  }

  /**
   * Reads the file of `digest` to its end.
   * @throws HashFailed, `signal.reason`, or what `onStep` throws.
   */
  async hash(digest: Digest, { signal, onStep, wantsManifest = false }: HashOptions): Promise<Hashed> {
    signal.throwIfAborted();
    const id = this.#newId();
    return this.#inThread(async (thread) => {
      try {
        let reply = await thread.ask({ id, ask: "hash", digest, wantsManifest });
        while (reply.kind === "read") {
          await onStep?.(reply.bytes);
          signal.throwIfAborted();
          reply = await thread.ask({ id, ask: "next" });
        }
        if (reply.kind !== "hashed") throw failureOf(digest, reply);
        await onStep?.(reply.bytes);
        return reply.hashed;
      } catch (error) {
        thread.tell({ id, ask: "drop" });
        throw error;
      }
    });
  }

  /** Ends the thread, whatever it is doing; all who wait are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#endIdle);
    await this.#thread?.end();
  }

  #newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  async #inThread<T>(work: (thread: Thread) => Promise<T>): Promise<T> {
    const thread = this.#started();
    clearTimeout(this.#endIdle);
    this.#users += 1;
    try {
      return await work(thread);
    } finally {
      this.#users -= 1;
      if (this.#users === 0 && !this.#isClosed)
        this.#endIdle = setTimeout(() => void this.#thread?.end(), endIdleAfterMs).unref();
    }
  }

  #started(): Thread {
    if (this.#isClosed) throw new HashFailed("files", threadLost);
    if (!this.#thread || this.#thread.isLost) this.#thread = new Thread(this.#directory);
    return this.#thread;
  }
}

function failureOf(what: string, reply: FromHasher): HashFailed {
  return reply.kind === "failed"
    ? new HashFailed(what, reply.code, reply.changedAt)
    : new HashFailed(what, `unexpected answer ${reply.kind}`);
}

interface Waiter {
  resolve: (reply: FromHasher) => void;
  reject: (error: HashFailed) => void;
}

/** One life of the thread. It keeps the process alive only while somebody waits for it. */
class Thread {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  isLost = false;

  constructor(directory: string) {
    // The same file beside this one: .ts in the source tree, .js in dist. The worker needs none of our own flags.
    const file = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.js";
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: { directory }, execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (reply: FromHasher) => this.#settle(reply));
    this.#worker.on("error", (error: unknown) => this.#lose(String(error)));
    this.#worker.once("exit", () => this.#lose("it has ended"));
  }

  ask(message: ToHasher): Promise<FromHasher> {
    if (this.isLost) return Promise.reject(new HashFailed("files", threadLost));
    return new Promise((resolve, reject) => {
      this.#waiters.set(message.id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(message);
    });
  }

  tell(message: ToHasher): void {
    if (!this.isLost) this.#worker.postMessage(message);
  }

  async end(): Promise<void> {
    this.#lose("it was ended");
    await this.#worker.terminate();
  }

  #settle(reply: FromHasher): void {
    const waiter = this.#waiters.get(reply.id);
    this.#waiters.delete(reply.id);
    if (this.#waiters.size === 0) this.#worker.unref();
    waiter?.resolve(reply);
  }

  #lose(why: string): void {
    this.isLost = true;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const { reject } of waiters) reject(new HashFailed(`files in a thread (${why})`, threadLost));
  }
}
