import type { Database } from "better-sqlite3";
import { constants, existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { backUp, syncPath } from "./backup.ts";
import { indexPath } from "./open-index.ts";

/**
 * After a failed fsync the log may have a hole that no later fsync reports, so it is not written to any more. All that was
 * committed can still be read: it is copied to a new file, which takes the place of the index, and the log goes.
 */
export function prepareRenewal(database: Database, directory: string): void {
  backUp(database, renewedPath(directory));
}

/** Puts a prepared copy in its place, at a start too where a crash came between. Nobody may have the index open. */
export function finishRenewal(directory: string): void {
  const path = indexPath(directory);
  const renewed = renewedPath(directory);
  if (!existsSync(renewed)) return;
  // While the copy has its own name, a start begins here again: so the log can go first.
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  renameSync(renewed, path);
  syncPath(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
}

function renewedPath(directory: string): string {
  return `${indexPath(directory)}.renewed`;
}
