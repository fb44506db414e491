import Database from "better-sqlite3";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sqliteCodeOf } from "./errors.ts";
import { readFormat } from "./format.ts";

/** What can be seen of a data directory from outside. */
export interface DataDirectoryState {
  /** Undefined where no entrepot has used it yet. */
  format: number | undefined;
  /** Whether a process has it. */
  isLocked: boolean;
}

/**
 * Looks at a data directory, and changes nothing in it: SQLite opens the lock for reading only, and reads nothing while
 * another process holds it.
 * @throws DataDirectoryError `newer-format` or `damaged`; other errors as they are
 */
export function inspectDataDirectory(directory: string): DataDirectoryState {
  return { format: readFormat(directory), isLocked: isLocked(join(directory, "LOCK")) };
}

function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get();
    return false;
  } catch (error) {
    if (sqliteCodeOf(error)?.startsWith("SQLITE_BUSY") === true) return true;
    throw error;
  } finally {
    database.close();
  }
}
