import { constants } from "node:fs";
import { open, rename, type FileHandle } from "node:fs/promises";
import type { Digest } from "../oci/index.ts";
import type { Staging } from "./blob-store.ts";
import { StoreError, toStoreError } from "./errors.ts";
import { blobDirectory, blobPath, syncDirectory, unlinkIfThere } from "./layout.ts";
import { SharedFile } from "./shared-file.ts";
import { WriteQueue } from "./write-queue.ts";

export interface StagingOptions {
  /** The root of the store. */
  directory: string;
  /** The new file, in `ingest/`. */
  path: string;
  onWritten: (written: number) => void;
  onClosed: () => void;
}

/** A file in `ingest/`, and after `commit` the same open file under the name of its digest. */
export class StagingFile implements Staging {
  readonly #options: StagingOptions;
  readonly #handle: FileHandle;
  readonly #file: SharedFile;
  readonly #queue: WriteQueue;
  #commit: Promise<void> | undefined;
  #close: Promise<void> | undefined;
  #isCommitted = false;

  private constructor(handle: FileHandle, options: StagingOptions) {
    this.#options = options;
    this.#handle = handle;
    this.#file = new SharedFile(handle);
    this.#queue = new WriteQueue(handle, options.onWritten);
  }

  static async create(options: StagingOptions): Promise<StagingFile> {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;
    try {
      return new StagingFile(await open(options.path, flags, 0o600), options);
    } catch (error) {
      throw toStoreError(error, "making a file in ingest/");
    }
  }

  get written(): number {
    return this.#queue.written;
  }

  append(chunk: Buffer): Promise<void> {
    return this.#commit ? Promise.reject(new Error("append after commit")) : this.#queue.append(chunk);
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  read(buffer: Buffer, position: number, length: number): Promise<number> {
    return this.#file.read(buffer, position, Math.min(length, this.written - position));
  }

  commit(digest: Digest): Promise<void> {
    if (this.#commit) return Promise.reject(new Error("commit called twice"));
    this.#commit = this.#commitTo(digest);
    return this.#commit;
  }

  close(): Promise<void> {
    this.#close ??= this.#closeAndRemove();
    return this.#close;
  }

  /**
   * After a failed fsync the kernel may have dropped the pages and a second one would succeed falsely ("fsyncgate"), so
   * every failure here is final. Once renamed, the file is left even if the directory could not be synced: the name may
   * belong to an earlier, durable file of the same digest, and the bytes are right.
   */
  async #commitTo(digest: Digest): Promise<void> {
    const { directory, path } = this.#options;
    try {
      await this.#queue.settled();
      if (this.#queue.failure) throw this.#queue.failure;
      await this.#handle.chmod(0o444);
      await this.#handle.sync();
      await rename(path, blobPath(directory, digest));
      this.#isCommitted = true;
      await syncDirectory(blobDirectory(directory, digest));
    } catch (error) {
      const failure = toStoreError(error, "committing");
      this.#queue.fail(failure);
      throw failure;
    }
  }

  async #closeAndRemove(): Promise<void> {
    // A commit that is running is let finish: its file handle and its name must not be pulled from under it.
    await this.#commit?.catch(() => undefined);
    this.#queue.fail(new StoreError("closed", "the staging file is closed", undefined));
    await this.#queue.settled();
    try {
      if (!this.#isCommitted) await unlinkIfThere(this.#options.path);
    } catch (error) {
      throw toStoreError(error, "removing a file in ingest/");
    } finally {
      await this.#file.close();
      this.#options.onClosed();
    }
  }
}
