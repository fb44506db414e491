import type { StoreErrorKind } from "./blob-store.ts";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, cause: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Running out of inodes is ENOSPC too (mkdir(2), open(2)). */
const noSpaceCodes: readonly unknown[] = ["ENOSPC", "EDQUOT"];

/** The StoreError for what a system call answered; one that is a StoreError already stays as it is. */
export function toStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = errnoOf(error);
  const kind = noSpaceCodes.includes(code) ? "no-space" : "io";
  return new StoreError(kind, `${doing}: ${code ?? String(error)}`, error);
}

export function isErrno(error: unknown, code: string): boolean {
  return errnoOf(error) === code;
}

function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether the process or the system has no file descriptors left: it says nothing of the file. */
export function isOutOfDescriptors(error: StoreError): boolean {
  return isErrno(error.cause, "EMFILE") || isErrno(error.cause, "ENFILE");
}
