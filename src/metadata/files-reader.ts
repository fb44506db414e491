import type { Database } from "better-sqlite3";
import type { Digest } from "../oci/index.ts";
import { filesSql } from "./files-sql.ts";
import { ReadStatement } from "./read-statement.ts";
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
    return this.#sql.edgesToRead.get({}) === 1;
  }
}

function prepareAll(database: Database) {
  const statement = <P, R>(sql: string): ReadStatement<P, R> => new ReadStatement(database, sql);
  return {
    rowsUnder: statement<{ from: string; to: string }, Omit<FileRow, "size"> & { size: number | null }>(
      filesSql.rowsUnder,
    ),
    toVerify: statement<{ before: number; limit: number }, { digest: Digest; size: number }>(filesSql.toVerify),
    doomed: statement<{ limit: number }, Digest>(filesSql.doomed).pluck(),
    manifestsAfter: statement<{ id: number; limit: number }, { id: number; digest: Digest }>(filesSql.manifestsAfter),
    edgesToRead: statement<Record<string, never>, number>(filesSql.edgesToRead).pluck(),
  };
}
