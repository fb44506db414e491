import type { Database } from "better-sqlite3";
import type { Digest } from "../oci/index.ts";
import { filesSql } from "./files-sql.ts";
import type { FileRow, Files } from "./files.ts";

/** What upkeep reads, on the reader's connection. */
export class FilesReader implements Files {
  #sql!: ReturnType<typeof prepareAll>;

  /** Reads from this connection from now on. */
  use(database: Database): void {
    this.#sql = prepareAll(database);
  }

  rowsUnder(prefix: string): FileRow[] {
    // "g" is behind every hex digit.
    const rows = this.#sql.rowsUnder.all({ from: prefix, to: `${prefix}g` });
    return rows.map((row) => ({ ...row, size: row.size ?? undefined }));
  }

  toVerify(before: number, limit: number): { digest: Digest; size: number }[] {
    return this.#sql.toVerify.all({ before, limit });
  }

  doomed(limit: number): Digest[] {
    return this.#sql.doomed.all({ limit });
  }

  manifestsAfter(id: number, limit: number): { id: number; digest: Digest }[] {
    return this.#sql.manifestsAfter.all({ id, limit });
  }

  hasEdgesToRead(): boolean {
    return this.#sql.edgesToRead.get() === 1;
  }
}

function prepareAll(database: Database) {
  return {
    rowsUnder: database.prepare<{ from: string; to: string }, Omit<FileRow, "size"> & { size: number | null }>(
      filesSql.rowsUnder,
    ),
    toVerify: database.prepare<{ before: number; limit: number }, { digest: Digest; size: number }>(filesSql.toVerify),
    doomed: database.prepare<{ limit: number }, Digest>(filesSql.doomed).pluck(),
    manifestsAfter: database.prepare<{ id: number; limit: number }, { id: number; digest: Digest }>(
      filesSql.manifestsAfter,
    ),
    edgesToRead: database.prepare<[], number>(filesSql.edgesToRead).pluck(),
  };
}
