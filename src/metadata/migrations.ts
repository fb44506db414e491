import type { Database } from "better-sqlite3";
import { DataDirectoryError } from "./errors.ts";
import { schemaVersion1 } from "./schema.ts";
import { schemaVersion2 } from "./schema-2.ts";
import { schemaVersion3 } from "./schema-3.ts";

/** SQL that leads from one version of the index to the next; the first entry makes version 1. Entries are never edited. */
const migrations: readonly string[] = [schemaVersion1, schemaVersion2, schemaVersion3];

/** The version of the index that this program reads and writes. */
const indexVersion = migrations.length;

/**
 * Brings the index to `indexVersion`, each step in a transaction of its own together with its version number.
 * @throws DataDirectoryError `newer-format` for an index of a later version.
 */
export function migrate(database: Database): void {
  const version = database.pragma("user_version", { simple: true }) as number;
  if (version > indexVersion) {
    throw new DataDirectoryError(
      "newer-format",
      `${database.name} has version ${version}, and this entrepot knows versions up to ${indexVersion}: ` +
        "run the newer entrepot that wrote it, or use another data directory",
    );
  }
  for (const [done, sql] of migrations.entries()) {
    if (done >= version) applyMigration(database, sql, done + 1);
  }
}

function applyMigration(database: Database, sql: string, version: number): void {
  database
    .transaction(() => {
      database.exec(sql);
      // A pragma takes no parameters; the number is ours.
      database.pragma(`user_version = ${version}`);
    })
    .immediate();
}
