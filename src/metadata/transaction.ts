import type { Database, Statement } from "better-sqlite3";
import { sqliteCodeOf, WriteError, type WriteErrorKind } from "./errors.ts";
import type { Failure, Result, WriteOp } from "./protocol.ts";
import type { Writes } from "./writes.ts";

/** A transaction takes no further operation after this long, so that nobody waits for a crowd. */
const maxTransactionMs = 20;

/** After these nothing that the index says can be relied upon. */
const finalCodes = /^SQLITE_(IOERR_FSYNC|IOERR_DIR_FSYNC|CORRUPT|NOTADB)/;

export interface PendingWrite {
  id: number;
  op: WriteOp;
}

/**
 * Applies many operations in one transaction: one fsync for all of them. An operation that fails is undone alone.
 * A failed fsync is final: what it has failed to write, a later one may pass over in silence, and a hole in the log would
 * take away the commits behind it.
 */
export class Transactions {
  readonly #database: Database;
  readonly #writes: Writes;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #undo: Statement;
  #fatal: Failure | undefined;

  constructor(database: Database, writes: Writes) {
    this.#database = database;
    this.#writes = writes;
    this.#savepoint = database.prepare("SAVEPOINT operation");
    this.#release = database.prepare("RELEASE operation");
    this.#undo = database.prepare("ROLLBACK TO operation");
  }

  /** Whether a failure was final: nothing is written any more. */
  get isBroken(): boolean {
    return this.#fatal !== undefined;
  }

  /** Takes operations from the front of `queue` and commits them; the outcome of each that was taken. */
  run(queue: PendingWrite[]): Result[] {
    if (this.#fatal) return failAll(queue.splice(0), this.#fatal);
    const taken: PendingWrite[] = [];
    try {
      return this.#commit(queue, taken);
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      return failAll(taken.length > 0 ? taken : queue.splice(0), this.note(error));
    }
  }

  /** The failure to report for `error`; one that is final is remembered, and every later write gets it too. */
  note(error: unknown): Failure {
    const failure = failureOf(error);
    if (finalCodes.test(sqliteCodeOf(error) ?? "")) this.#fatal ??= failure;
    return failure;
  }

  #commit(queue: PendingWrite[], taken: PendingWrite[]): Result[] {
    const results: Result[] = [];
    const until = performance.now() + maxTransactionMs;
    this.#database.exec("BEGIN IMMEDIATE");
    for (let next = queue.shift(); next; next = performance.now() < until ? queue.shift() : undefined) {
      taken.push(next);
      results.push({ id: next.id, ...this.#applyAlone(next.op) });
    }
    this.#database.exec("COMMIT");
    return results;
  }

  #applyAlone(op: WriteOp): Omit<Result, "id"> {
    this.#savepoint.run();
    try {
      const value = this.#writes.apply(op);
      this.#release.run();
      return value === undefined ? {} : { value };
    } catch (error) {
      // A full or failing disk has rolled back the whole transaction already.
      if (!this.#database.inTransaction || failureOf(error).kind === "io") throw error;
      this.#undo.run();
      this.#release.run();
      return { failure: failureOf(error) };
    }
  }
}

function failAll(writes: PendingWrite[], failure: Failure): Result[] {
  return writes.map(({ id }) => ({ id, failure }));
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: error instanceof WriteError ? error.kind : kindOf(sqliteCodeOf(error)), message };
}

function kindOf(code = ""): WriteErrorKind {
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)/.test(code)) return "no-space";
  return /^(E[A-Z]|SQLITE_(IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN))/.test(code) ? "io" : "refused";
}
