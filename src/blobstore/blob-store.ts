import type { Digest } from "../oci/index.ts";

/** The disk refused (out of space or inodes; an I/O error), or the file has been closed meanwhile. */
export type StoreErrorKind = "no-space" | "io" | "closed";

/** Bytes on their way to a digest: a private file in `ingest/` that readers may follow while it grows. */
export interface Staging {
  /** Bytes that are in the file and may be read. Grows only. */
  readonly written: number;
  /**
   * Queues a chunk behind the others; the promise resolves when the queue has room for more (not when the chunk is in
   * the file). `onWritten` given at creation is called after each write with the new offset.
   * Rejects with StoreError, and so does every later call.
   */
  append(chunk: Buffer): Promise<void>;
  /** Resolves when all that was appended is in the file. */
  flush(): Promise<void>;
  /** Reads at most `length` bytes at `position` of what has been written, into `buffer` at its start. Resolves to the number of bytes read. */
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  /**
   * fsync, rename to the digest's name, fsync of its directory. The caller has verified the hash. The file stays open
   * for readers until `close`.
   */
  commit(digest: Digest): Promise<void>;
  /** Closes the file and, unless it was committed, removes it. Safe to call twice. */
  close(): Promise<void>;
}

/** A stored blob, open for reading; unlinking it meanwhile does no harm. */
export interface OpenBlob {
  readonly size: number;
  /** When the file's bytes or its inode were last changed, in ms since the epoch. */
  readonly changedAt: number;
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  close(): Promise<void>;
}

/** Verified bytes by digest on the local disk. Knows nothing of manifests, repositories or SQLite. */
export interface BlobStore {
  /** Opens a new file in `ingest/` (O_EXCL). `onWritten` is told the new offset after each write. */
  stage(onWritten?: (written: number) => void): Promise<Staging>;
  /** Undefined where there is no such file. */
  open(digest: Digest): Promise<OpenBlob | undefined>;
  /** Whole small blob in memory; undefined where there is no such file. */
  readAll(digest: Digest): Promise<Buffer | undefined>;
  /** Unlinks; absence is not an error. */
  remove(digest: Digest): Promise<void>;
  /**
   * Runs `work` when nothing else runs under this digest. Whatever makes or takes away the file of a digest, together with
   * its row in the index, is done under it.
   */
  exclusively<T>(digest: Digest, work: () => Promise<T>): Promise<T>;
  /** Moves the file of a digest, or anything else that lies in `blobs/`, to `quarantine/`; absence is not an error. */
  quarantine(found: Digest | { path: string }): Promise<void>;
  /** Shows that a file can be made durable: writes one, syncs, renames and removes it. Rejects with StoreError. */
  probe(): Promise<void>;
  /** Bytes available to us and in total on the file system of the store. */
  space(): Promise<{ availableBytes: number; totalBytes: number }>;
  close(): Promise<void>;
}
