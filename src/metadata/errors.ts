/**
 * Why a data directory cannot be used: another process has it, a newer version wrote it, a file in it is not what it
 * must be, or the SQLite library is too old to be trusted with it.
 */
export type DataDirectoryErrorKind = "in-use" | "newer-format" | "damaged" | "unsupported" | "io";

export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
  readonly kind: DataDirectoryErrorKind;

  constructor(kind: DataDirectoryErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Why a write was not made: the disk is full; the disk failed, which is final; the index refuses what was asked; or
 * there is no writer any more.
 */
export type WriteErrorKind = "no-space" | "io" | "refused" | "closed";

export class WriteError extends Error {
  override readonly name = "WriteError";
  readonly kind: WriteErrorKind;

  constructor(kind: WriteErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The code of an error of SQLite or of a system call: `SQLITE_FULL`, `ENOENT`. */
export function sqliteCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
