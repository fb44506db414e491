import Database from "better-sqlite3";
import { constants, copyFileSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { backupPath, syncPath } from "./backup.ts";
import { DataDirectoryError, sqliteCodeOf } from "./errors.ts";
import type { Rebuilt } from "./metadata.ts";
import { indexPath, openIndex } from "./open-index.ts";
import { readSql } from "./read-sql.ts";
import { finishRenewal } from "./renewal.ts";

/** Up to this size the index is checked at every start, which takes a tenth of a second; a larger one after an unclean stop. */
const checkedAlwaysBytes = 64 * 1024 * 1024;

export interface OpenedIndex {
  database: Database.Database;
  wasStoppedCleanly: boolean;
  rebuilt: Rebuilt | undefined;
}

/**
 * Opens the index for writing. One that is damaged, or gone although there is a copy, is set aside and begun anew from
 * that copy, or from nothing if there is no good one: what the files can tell is then read from them.
 * @throws DataDirectoryError `newer-format` or `io`.
 */
export function openOrRebuild(directory: string): OpenedIndex {
  finishRenewal(directory);
  try {
    // Without its index, a directory that has a copy of one has lost it: an empty one would lose every tag.
    if (isMissing(indexPath(directory)) && existsSync(backupPath(directory))) return rebuild(directory);
    const database = openIndex(directory);
    try {
      const wasStoppedCleanly = isMarkedClean(database);
      const isTrusted = wasStoppedCleanly && statSync(indexPath(directory)).size > checkedAlwaysBytes;
      if (isTrusted || isWhole(database)) return { database, wasStoppedCleanly, rebuilt: undefined };
    } catch (error) {
      database.close();
      throw error;
    }
    database.close();
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  return rebuild(directory);
}

function rebuild(directory: string): OpenedIndex {
  const path = indexPath(directory);
  const damaged = `${path}.damaged`;
  const copy = prepareCopy(directory);
  // The log belongs to the damaged index and must not be applied to the copy. It goes first: a copy without it is whole.
  for (const suffix of ["-wal", "-shm"]) moveIfThere(path + suffix, damaged + suffix);
  moveIfThere(path, damaged);
  if (copy !== undefined) renameSync(copy, path);
  syncPath(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    database: openIndex(directory),
    wasStoppedCleanly: false,
    rebuilt: { damaged, from: copy === undefined ? "nothing" : "backup" },
  };
}

/** A durable copy of `index.bak` beside it; undefined where there is none that is whole. */
function prepareCopy(directory: string): string | undefined {
  const backup = backupPath(directory);
  if (!existsSync(backup) || !isWholeFile(backup)) return undefined;
  const copy = join(directory, "index.db.restored");
  rmSync(copy, { force: true });
  copyFileSync(backup, copy);
  syncPath(copy, constants.O_RDONLY);
  return copy;
}

function isWholeFile(path: string): boolean {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true });
    return isWhole(database) && (database.pragma("user_version", { simple: true }) as number) > 0;
  } catch {
    return false;
  } finally {
    database?.close();
  }
}

/** SQLite's own check of its pages and indexes (sqlite.org/pragma.html, "quick_check"). */
function isWhole(database: Database.Database): boolean {
  try {
    return database.pragma("quick_check(1)", { simple: true }) === "ok";
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof DataDirectoryError) return error.kind === "damaged";
  return /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCodeOf(error) ?? "");
}

function isMarkedClean(database: Database.Database): boolean {
  return database.prepare(readSql.stoppedCleanly).pluck().get() === 1;
}

function isMissing(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

/** What was set aside before stays where there is nothing new to set aside: a crash may have come between. */
function moveIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}
