import type { FoundFile, Shelf } from "../blobstore/index.ts";
import type { Digest, ManifestFacts } from "../oci/index.ts";

/** What the edges of a manifest are recorded from; no edges where it names more than is kept. */
export type ManifestContent = Pick<ManifestFacts, "kind" | "mediaType" | "edges">;

/** A file that has been read to its end. Times in ms since the epoch; only `changedAt` has fractions. */
export interface Hashed {
  /** What its bytes have, in the algorithm of the digest asked for. */
  digest: Digest;
  size: number;
  /** When its bytes were last written. */
  modifiedAt: number;
  /** When its bytes or its inode were last changed: tells this file from a later one of the same name. */
  changedAt: number;
  /** Where it was asked for, and the bytes are a manifest. */
  manifest: ManifestContent | undefined;
}

/**
 * To the thread. A hash is made step by step, each asked for, so that several go on side by side and each at its own
 * pace; "drop" ends one early and has no answer.
 */
export type ToHasher =
  | { id: number; ask: "list"; shelf: Shelf }
  | { id: number; ask: "hash"; digest: Digest; wantsManifest: boolean }
  | { id: number; ask: "next" }
  | { id: number; ask: "drop" };

/** `bytes` are those of one step. */
export type FromHasher =
  | { id: number; kind: "listed"; files: FoundFile[] }
  | { id: number; kind: "read"; bytes: number }
  | { id: number; kind: "hashed"; bytes: number; hashed: Hashed }
  | { id: number; kind: "failed"; code: string; changedAt: number | undefined };

/** The code of a failure where something else than a file is in the place of one. */
export const notAFile = "NOT_A_FILE";

/** The code of a failure where the thread has ended. */
export const threadLost = "THREAD_LOST";
