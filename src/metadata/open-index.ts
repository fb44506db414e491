import Database from "better-sqlite3";
import { join } from "node:path";
import { DataDirectoryError, sqliteCodeOf } from "./errors.ts";
import { migrate } from "./migrations.ts";

export function indexPath(directory: string): string {
  return join(directory, "index.db");
}

/**
 * Opens the index in `directory` for writing, makes it where there is none, and brings it to the version of this
 * program. FULL, because a row that was acknowledged must survive a power cut; checkpoints are made by the writer, when
 * nobody waits for it.
 * @throws DataDirectoryError `newer-format`, `damaged`, or `io`.
 */
export function openIndex(directory: string): Database.Database {
  try {
    const database = new Database(indexPath(directory), { timeout: 5000 });
    try {
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
      database.pragma("foreign_keys = ON");
      database.pragma("wal_autocheckpoint = 0");
      database.pragma("cache_size = -16000");
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  } catch (error) {
    throw openingError(error, indexPath(directory));
  }
}

/** What kept a SQLite file of the data directory from being opened, in words that name it. */
export function openingError(error: unknown, path: string): DataDirectoryError {
  if (error instanceof DataDirectoryError) return error;
  const code = sqliteCodeOf(error);
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code ?? "")) {
    return new DataDirectoryError("damaged", `${path} is damaged (${code ?? ""})`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new DataDirectoryError("io", `${path} cannot be opened: ${reason}`, { cause: error });
}
