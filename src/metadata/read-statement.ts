import type { Database, Statement } from "better-sqlite3";
import { sqliteCodeOf } from "./errors.ts";

/** The disk cannot give the pages, or what it gives is no index. */
const unreadable = /^SQLITE_(CORRUPT|NOTADB|IOERR|CANTOPEN)/;

/**
 * A statement that only reads. Where the index cannot be read, or not even be opened again, it finds nothing: what is asked
 * for then comes from the upstream, and writes, which fail too, tell that the store is not well (promise P5).
 */
export class ReadStatement<Parameters, Row> {
  readonly #statement: Statement<unknown[], Row>;
  readonly #database: Database;

  constructor(database: Database, sql: string) {
    this.#database = database;
    this.#statement = database.prepare<unknown[], Row>(sql);
  }

  /** Rows are the values of their first column. */
  pluck(): this {
    this.#statement.pluck();
    return this;
  }

  get(parameters: Parameters): Row | undefined {
    if (!this.#database.open) return undefined;
    try {
      return this.#statement.get(parameters);
    } catch (error) {
      throwUnlessUnreadable(error);
      return undefined;
    }
  }

  all(parameters: Parameters): Row[] {
    if (!this.#database.open) return [];
    try {
      return this.#statement.all(parameters);
    } catch (error) {
      throwUnlessUnreadable(error);
      return [];
    }
  }
}

function throwUnlessUnreadable(error: unknown): void {
  if (!unreadable.test(sqliteCodeOf(error) ?? "")) throw error;
}
