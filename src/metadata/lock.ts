import Database from "better-sqlite3";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DataDirectoryError, sqliteCodeOf } from "./errors.ts";
import { checkFormat } from "./format.ts";
import { openingError } from "./open-index.ts";

/** A data directory that no other process can use meanwhile. */
export interface DataLock {
  /** Lets the directory go. Safe to call twice. */
  release(): void;
}

/** Older versions can damage a database in WAL mode under a checkpoint (sqlite.org/wal.html, "The WAL-Reset Bug"). */
const minSqliteVersion = [3, 51, 3] as const;

/**
 * Takes `directory` for this process, made (0700) where there is none, and checks that it is of a format that this
 * program knows. The lock is SQLite's own on the file LOCK: the system drops it when the process dies, however it dies.
 * Nothing else in this process may open that file: closing any descriptor of it would drop the lock.
 * @throws DataDirectoryError `in-use`, `newer-format`, `damaged`, `unsupported` or `io`.
 */
export function lockDataDirectory(directory: string): DataLock {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new DataDirectoryError("io", `${directory} cannot be made`, { cause: error });
  }
  const database = openLocked(directory);
  try {
    checkSqliteVersion(database);
    checkFormat(directory);
  } catch (error) {
    database.close();
    throw error instanceof DataDirectoryError ? error : openingError(error, join(directory, "FORMAT"));
  }
  return { release: () => void database.close() };
}

function openLocked(directory: string): Database.Database {
  const path = join(directory, "LOCK");
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.pragma("journal_mode = DELETE");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (sqliteCodeOf(error)?.startsWith("SQLITE_BUSY")) throw inUse(directory, error);
    throw openingError(error, path);
  }
}

function inUse(directory: string, cause: unknown): DataDirectoryError {
  return new DataDirectoryError(
    "in-use",
    `the data directory ${directory} is in use by another process: stop that one, or use another directory`,
    { cause },
  );
}

function checkSqliteVersion(database: Database.Database): void {
  const version = database.prepare("SELECT sqlite_version()").pluck().get() as string;
  if (isAtLeast(version, minSqliteVersion)) return;
  const wanted = minSqliteVersion.join(".");
  throw new DataDirectoryError("unsupported", `SQLite ${version} is too old to be trusted with data: ${wanted} needed`);
}

/** Whether the dotted `version` is not older than `wanted`. */
export function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  const different = wanted.findIndex((part, index) => part !== (parts[index] ?? 0));
  return different === -1 || (parts[different] ?? 0) > (wanted[different] ?? 0);
}
