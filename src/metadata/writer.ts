/** The thread that owns the one writing connection. Started by writer-client.ts; speaks protocol.ts. */
import type { Database } from "better-sqlite3";
import { parentPort, workerData } from "node:worker_threads";
import { backUp, backupPath } from "./backup.ts";
import { DataDirectoryError, WriteError } from "./errors.ts";
import type { Rebuilt } from "./metadata.ts";
import { openIndex } from "./open-index.ts";
import {
  isControl,
  renewalStates,
  type ControlOp,
  type FromWriter,
  type Numbered,
  type Renew,
  type Result,
  type ToWriter,
} from "./protocol.ts";
import { openOrRebuild } from "./rebuild.ts";
import { finishRenewal, prepareRenewal } from "./renewal.ts";
import { Transactions, type PendingWrite } from "./transaction.ts";
import { Writes } from "./writes.ts";

/** The log is copied into the index this long after the first commit behind the last copy, when no write waits. */
const checkpointAfterMs = 1000;

/** A log of more pages (of 4 KiB) than this is cut back to nothing; readers leave it alone for long enough. */
const maxLogPages = 16_384;

class Writer {
  readonly #directory: string;
  #database: Database;
  #writes: Writes;
  #transactions: Transactions;
  readonly #queue: Numbered[] = [];
  readonly wasStoppedCleanly: boolean;
  readonly rebuilt: Rebuilt | undefined;
  #isScheduled = false;
  #checkpointTimer: NodeJS.Timeout | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    const opened = openOrRebuild(directory);
    this.#database = opened.database;
    this.wasStoppedCleanly = opened.wasStoppedCleanly;
    this.rebuilt = opened.rebuilt;
    this.#writes = new Writes(this.#database);
    this.#transactions = new Transactions(this.#database, this.#writes);
    this.#writes.markStop(false);
  }

  take(message: ToWriter): void {
    if (message === "end") {
      this.#end();
      return;
    }
    if ("state" in message) {
      this.#renew(message);
      return;
    }
    this.#queue.push(...message);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // The port hands over all that has arrived before setImmediate runs: that is the group.
    setImmediate(() => this.#work());
  }

  #work(): void {
    this.#isScheduled = false;
    while (this.#queue.length > 0) {
      const writes = this.#takeWrites();
      while (writes.length > 0) this.#tell(this.#transactions.run(writes));
      const next = this.#queue.shift();
      if (next && isControl(next.op)) this.#tell([this.#control(next.id, next.op)]);
    }
    this.#checkpointTimer ??= setTimeout(() => this.#checkpoint(), checkpointAfterMs);
  }

  get storedBytes(): number {
    return this.#writes.storedBytes();
  }

  #tell(results: Result[]): void {
    post({ kind: "results", results, storedBytes: this.#knownStoredBytes() });
  }

  #knownStoredBytes(): number | undefined {
    if (this.#transactions.isBroken) return undefined;
    try {
      return this.storedBytes;
    } catch (error) {
      this.#transactions.note(error);
      return undefined;
    }
  }

  /** The writes in front of the next control operation, which must see them committed. */
  #takeWrites(): PendingWrite[] {
    const writes: PendingWrite[] = [];
    for (let [next] = this.#queue; next && !isControl(next.op); [next] = this.#queue) {
      this.#queue.shift();
      writes.push({ id: next.id, op: next.op });
    }
    return writes;
  }

  #control(id: number, control: ControlOp): Result {
    try {
      if (control.op === "prepareRenewal") {
        // A log that can still be written to goes on: a copy would be without what is written behind it.
        if (!this.#transactions.isBroken) throw new WriteError("io", "the disk does not take writes at present");
        // A copy may be there already, and only could not be opened.
        if (this.#database.open) prepareRenewal(this.#database, this.#directory);
        return { id };
      }
      // A good copy is not replaced by one of an index that cannot be relied upon.
      if (this.#transactions.isBroken) throw new WriteError("io", "no copy is made after a failure of the disk");
      const path = control.op === "backup" ? control.path : undefined;
      backUp(this.#database, path ?? backupPath(this.#directory));
      return { id };
    } catch (error) {
      return { id, failure: this.#transactions.note(error) };
    } finally {
      // The copy is made first: one that is put back later must not claim a clean stop.
      if (control.op === "stop") this.#markCleanStop();
    }
  }

  #markCleanStop(): void {
    if (this.#transactions.isBroken) return;
    try {
      this.#writes.markStop(true);
    } catch (error) {
      this.#transactions.note(error);
    }
  }

  #checkpoint(): void {
    this.#checkpointTimer = undefined;
    if (this.#transactions.isBroken) return;
    try {
      const [state] = this.#database.pragma("wal_checkpoint(PASSIVE)") as { log: number }[];
      if (state && state.log > maxLogPages) this.#database.pragma("wal_checkpoint(TRUNCATE)");
    } catch (error) {
      this.#transactions.note(error);
    }
  }

  /** Nobody reads meanwhile: the sender waits, and has closed its own connection. */
  #renew({ state }: Renew): void {
    try {
      this.#database.close();
      finishRenewal(this.#directory);
      this.#database = openIndex(this.#directory);
      this.#writes = new Writes(this.#database);
      this.#transactions = new Transactions(this.#database, this.#writes);
      Atomics.store(state, 0, renewalStates.done);
    } catch {
      Atomics.store(state, 0, renewalStates.failed);
    }
    Atomics.notify(state, 0);
  }

  #end(): void {
    clearTimeout(this.#checkpointTimer);
    this.#database.close();
    parentPort?.close();
  }
}

function post(message: FromWriter): void {
  parentPort?.postMessage(message);
}

function start(): void {
  const { directory } = workerData as { directory: string };
  try {
    const writer = new Writer(directory);
    parentPort?.on("message", (message: ToWriter) => writer.take(message));
    const { wasStoppedCleanly, rebuilt, storedBytes } = writer;
    post({ kind: "ready", wasStoppedCleanly, rebuilt, storedBytes });
  } catch (error) {
    const reason = error instanceof DataDirectoryError ? error.kind : "io";
    post({ kind: "not-opened", reason, message: error instanceof Error ? error.message : String(error) });
  }
}

start();
