import type { BlobStore } from "../blobstore/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

/** Which work has found a corrupt file. */
export type CorruptionFinder = "scrub" | "verify" | "reconcile";

/** Whom upkeep tells what is worth counting or a line in the log. */
export interface UpkeepObserver {
  /** The scrub has read so many bytes more. */
  scrubbed(bytes: number): void;
  /** A file that had no row was found right and has one now. */
  adopted(digest: Digest): void;
  /** A file was moved to `quarantine/`: a digest, or the path of something that had no business in `blobs/`. */
  quarantined(what: string): void;
  /** A file of which the index said that it is here did not have its digest or its size any more, or cannot be read. */
  corrupt(digest: Digest, where: CorruptionFinder): void;
  /** Something could not be done for one file or directory; the rest goes on. */
  failed(error: unknown): void;
}

export interface UpkeepOptions {
  /** The data directory. */
  directory: string;
  store: BlobStore;
  index: Metadata;
  /** `everyMs` 0: no scrubbing. */
  scrub: { everyMs: number; rateBytesPerSecond: number };
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Calls `action` once after `ms`; the returned function cancels. */
  setTimer: (ms: number, action: () => void) => () => void;
  observer: UpkeepObserver;
  /** A file that something may still need has been lost; whoever can fetch it again is told. */
  onLost: (digest: Digest) => void;
}

/** How far a long piece of work has come; the totals are those of its beginning. */
export interface Progress {
  blobs: number;
  totalBlobs: number;
  bytes: number;
  totalBytes: number;
}

/** `unreadable`: the disk or the file system refused; only after an error of the disk has the file been given up. */
export type Problem = "wrong" | "missing" | "unreadable";

export interface VerifyReport {
  /** Files that were judged, and the bytes of them that were read. */
  blobs: number;
  bytes: number;
  findings: { digest: Digest; problem: Problem }[];
}

export interface BackupReport {
  /** Files that are in the backup, and their bytes. */
  blobs: number;
  bytes: number;
  /** How many of them are hard links and take no space of their own. */
  linked: number;
  /** Files that were gone when their turn came. */
  skipped: number;
}

export interface JobOptions {
  signal: AbortSignal;
  /** Called often; it must cost next to nothing. */
  onProgress: (done: Progress) => void;
}

/** Keeps the files and the index in agreement. Hashing is done by a thread of its own, which starts with its first use. */
export interface Upkeep {
  /**
   * Compares files and rows in the background; resolves when that is done, or upkeep closed. A second call gets the
   * promise of the first. Never rejects: what fails for one file is told to the observer.
   */
  reconcile(): Promise<void>;
  /** From 0 to 1, which means done; never falls. */
  readonly reconcileRatio: number;
  /** Resolves when all edges that the files can tell are in the index: only then may anything be evicted. Also resolves on close. */
  readonly edgesComplete: Promise<void>;
  /**
   * A file that is not adopted yet and that somebody asks for now: hashed at once, beside what is being hashed already.
   * Resolves to whether the digest is present afterwards. Never rejects; looks only at the row once reconciling is over.
   */
  adopt(digest: Digest): Promise<boolean>;
  /** Checks every file once per `scrub.everyMs`, the longest unchecked first; begins when reconciling is over. */
  startScrub(): void;
  /**
   * Hashes every file that the index says is here, unthrottled. What is wrong or missing is given up as by the scrub.
   * Aborting, like closing, ends it early with what was found.
   */
  verify(options: JobOptions): Promise<VerifyReport>;
  /**
   * Copies index and files to `target`, from which an instance can start. FORMAT is written last: a target without it is
   * incomplete.
   * @throws UpkeepError `target` or `closed`; `signal.reason` when aborted; WriteError of the index; errors of the disk.
   */
  backup(target: string, options: JobOptions): Promise<BackupReport>;
  /** Stops everything and waits for what runs. */
  close(): Promise<void>;
}

/** Why a backup was not made: the target cannot be used, or upkeep is closed. */
export type UpkeepErrorKind = "target" | "closed";

export class UpkeepError extends Error {
  override readonly name = "UpkeepError";
  readonly kind: UpkeepErrorKind;

  constructor(kind: UpkeepErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
