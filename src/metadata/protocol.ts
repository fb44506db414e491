import type { Digest, Tag } from "../oci/index.ts";
import type { DataDirectoryErrorKind, WriteErrorKind } from "./errors.ts";
import type { PinRow } from "./graph.ts";
import type { ListingKind, NewManifest, Rebuilt, TagRow, Victims } from "./metadata.ts";
import type { RepositoryKey } from "./rows.ts";

/** One change of the index; applied as a whole or not at all. Times are milliseconds since the epoch. */
export type WriteOp =
  | { op: "recordBlob"; repository: RepositoryKey; digest: Digest; size: number; at: number }
  | { op: "recordMember"; repository: RepositoryKey; digest: Digest; size: number | undefined; at: number }
  | { op: "recordManifest"; repository: RepositoryKey | undefined; manifest: NewManifest; at: number }
  | { op: "moveTag"; repository: RepositoryKey; tag: Tag; digest: Digest; at: number }
  | { op: "confirmTag"; repository: RepositoryKey; tag: Tag; at: number }
  | {
      op: "recordPending";
      repository: RepositoryKey;
      tag: Tag;
      pending: NonNullable<TagRow["pending"]>;
      at: number;
      holdForMs: number;
    }
  | { op: "markTagGone"; repository: RepositoryKey; tag: Tag; at: number }
  | { op: "dropTag"; repository: RepositoryKey; tag: Tag }
  | { op: "recordListing"; repository: RepositoryKey; kind: ListingKind; key: string; body: string; at: number }
  | { op: "dropListing"; repository: RepositoryKey; kind: ListingKind; key: string }
  | { op: "forgetFile"; digest: Digest }
  | { op: "touch"; touches: Touch[] }
  | { op: "evict"; victims: Victims; reason: string; at: number }
  | { op: "removed"; digests: readonly Digest[] }
  | { op: "revive"; digest: Digest; at: number }
  | { op: "adoptBlob"; digest: Digest; size: number; at: number; modifiedAt: number; manifest?: NewManifest }
  | { op: "verified"; digests: readonly Digest[]; at: number }
  | { op: "edgesRead" }
  | { op: "probe"; at: number }
  | { op: "holdTag"; repository: RepositoryKey; tag: Tag; digest: Digest | undefined; at: number }
  | { op: "putPin"; pin: PinRow }
  | { op: "dropPin"; image: string }
  | { op: "setConfigPins"; pins: readonly Omit<PinRow, "origin">[] };

/** A tag names another digest than before. */
export interface TagMove {
  tag: Tag;
  from: Digest;
  to: Digest;
}

/** The latest access of a digest; `leasedUntil` 0: it is no lease. In ms since the epoch. */
export interface Touch {
  digest: Digest;
  at: number;
  leasedUntil: number;
}

/** What is done between transactions: a copy to `path` (by default `index.bak`), or a copy and the mark of a clean stop. */
export type ControlOp =
  | { op: "backup"; path?: string }
  | { op: "stop" }
  /** Copies what can be read, after a failure that ended all writing. */
  | { op: "prepareRenewal" };

export function isControl(op: WriteOp | ControlOp): op is ControlOp {
  return op.op === "backup" || op.op === "stop" || op.op === "prepareRenewal";
}

/** Puts the prepared copy in the place of the index. The sender waits on the first element, which becomes one of `renewalStates`. */
export interface Renew {
  op: "renew";
  state: Int32Array<SharedArrayBuffer>;
}

export const renewalStates = { waiting: 0, done: 1, failed: 2 } as const;

export interface Numbered {
  id: number;
  op: WriteOp | ControlOp;
}

/** To the writer: operations in order, or one of the others. After "end" it closes the index and its thread ends. */
export type ToWriter = Numbered[] | Renew | "end";

/** Errors cross the thread as plain values: structured clone drops the fields of an Error. */
export interface Failure {
  kind: WriteErrorKind;
  message: string;
}

export type FromWriter =
  | { kind: "ready"; wasStoppedCleanly: boolean; rebuilt: Rebuilt | undefined; storedBytes: number }
  | { kind: "not-opened"; reason: DataDirectoryErrorKind; message: string }
  /** The outcome of one transaction: its operations in order, and the total behind it, where it can be read. */
  | { kind: "results"; results: Result[]; storedBytes: number | undefined };

export interface Result {
  id: number;
  failure?: Failure;
  /** What the operation has to tell; nothing for most. */
  value?: unknown;
}
