import Database from "better-sqlite3";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Calls `read` with the index as SQLite finds it after a crash: what is complete in the log counts. All of that happens to
 * a copy; the directory stays as it is, so that whoever opens it next meets the same remains.
 */
export function withIndexCopy<T>(directory: string, read: (index: Database.Database) => T): T {
  const copies = mkdtempSync(join(tmpdir(), "entrepot-index-"));
  try {
    for (const name of ["index.db", "index.db-wal", "index.db-journal"]) {
      if (existsSync(join(directory, name))) copyFileSync(join(directory, name), join(copies, name));
    }
    const index = new Database(join(copies, "index.db"));
    try {
      return read(index);
    } finally {
      index.close();
    }
  } finally {
    rmSync(copies, { recursive: true });
  }
}
