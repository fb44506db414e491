import { open, rename, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../oci/index.ts";
import type { BlobStore, OpenBlob, Staging } from "./blob-store.ts";
import { StoreError, toStoreError } from "./errors.ts";
import { openToGroup } from "./group-access.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { blobPath, ingestDirectory, prepareLayout, syncDirectory, unlinkIfThere } from "./layout.ts";
import { moveToQuarantine } from "./quarantine.ts";
import { StagingFile } from "./staging-file.ts";
import { StoredBlob } from "./stored-blob.ts";

export interface BlobStoreOptions {
  /** The data directory; only `blobs/`, `ingest/` and `quarantine/` in it are touched. */
  directory: string;
  /** Tells the files of this process from those of another; letters, digits, `_` and `-`. */
  bootId: string;
  /** Whether the group of the directory may open the files of blobs (not list them); by default it may do nothing. */
  isOpenToGroup?: boolean;
}

/**
 * Opens the store in `directory`, makes what is missing there, and removes what an earlier process left in `ingest/`.
 * @throws StoreError where the directories cannot be made or used.
 */
export async function openBlobStore(options: BlobStoreOptions): Promise<BlobStore> {
  if (!/^[A-Za-z0-9_-]+$/.test(options.bootId)) throw new Error("a boot id that is not fit for a file name");
  try {
    await prepareLayout(options.directory);
    if (options.isOpenToGroup === true) await openToGroup(options.directory);
  } catch (error) {
    throw toStoreError(error, `preparing ${options.directory}`);
  }
  return new DiskBlobStore(options);
}

class DiskBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #bootId: string;
  readonly #stagings = new Set<Staging>();
  readonly #locks = new KeyedLock<Digest>();
  #staged = 0;
  #isClosed = false;

  constructor({ directory, bootId }: BlobStoreOptions) {
    this.#directory = directory;
    this.#bootId = bootId;
  }

  async stage(onWritten: (written: number) => void = () => undefined): Promise<Staging> {
    this.#staged += 1;
    const path = join(ingestDirectory(this.#directory), `${this.#bootId}-${this.#staged}.part`);
    const staging: StagingFile = await StagingFile.create({
      directory: this.#directory,
      path,
      onWritten,
      onClosed: () => this.#stagings.delete(staging),
    });
    this.#stagings.add(staging);
    if (this.#isClosed) {
      await staging.close();
      throw new StoreError("closed", "the store is closed", undefined);
    }
    return staging;
  }

  open(digest: Digest): Promise<OpenBlob | undefined> {
    return StoredBlob.open(blobPath(this.#directory, digest));
  }

  async readAll(digest: Digest): Promise<Buffer | undefined> {
    const blob = await StoredBlob.open(blobPath(this.#directory, digest));
    return blob?.readAllAndClose();
  }

  async remove(digest: Digest): Promise<void> {
    try {
      await unlinkIfThere(blobPath(this.#directory, digest));
    } catch (error) {
      throw toStoreError(error, "removing a blob");
    }
  }

  exclusively<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(digest, work);
  }

  async quarantine(found: Digest | { path: string }): Promise<void> {
    const path = typeof found === "string" ? blobPath(this.#directory, found) : found.path;
    try {
      await moveToQuarantine(this.#directory, path);
    } catch (error) {
      throw toStoreError(error, "moving a file to quarantine/");
    }
  }

  async probe(): Promise<void> {
    this.#staged += 1;
    const ingest = ingestDirectory(this.#directory);
    const path = join(ingest, `${this.#bootId}-${this.#staged}-probe.part`);
    const renamed = join(ingest, `${this.#bootId}-${this.#staged}-probed.part`);
    try {
      const handle = await open(path, "wx", 0o600);
      try {
        await handle.write(Buffer.alloc(4096));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(path, renamed);
      await syncDirectory(ingest);
      await unlink(renamed);
    } catch (error) {
      await unlinkIfThere(path).catch(() => undefined);
      throw toStoreError(error, "probing the store");
    }
  }

  async space(): Promise<{ availableBytes: number; totalBytes: number }> {
    try {
      const { bsize, bavail, blocks } = await statfs(this.#directory);
      return { availableBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch (error) {
      throw toStoreError(error, "asking for the free space");
    }
  }

  /** Closes what is still being staged, which removes it. Open blobs stay readable until they are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#stagings].map((staging) => staging.close()));
  }
}
