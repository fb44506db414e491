import type { Database } from "better-sqlite3";
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

export function backupPath(directory: string): string {
  return join(directory, "index.bak");
}

/** Replaces `path` by a copy of the index; whole at any time, whatever happens meanwhile. */
export function backUp(database: Database, path: string): void {
  const unfinished = `${path}.tmp`;
  rmSync(unfinished, { force: true });
  database.prepare("VACUUM INTO ?").run(unfinished);
  syncPath(unfinished, constants.O_RDONLY);
  renameSync(unfinished, path);
  syncPath(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
}

/** fsync of a file, or of a directory: makes the names in it durable. Never of a file that SQLite has open. */
export function syncPath(path: string, flags: number): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
