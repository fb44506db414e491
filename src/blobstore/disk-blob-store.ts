import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../oci/index.ts";
import type { BlobStore, OpenBlob, Staging } from "./blob-store.ts";
import { StoreError, toStoreError } from "./errors.ts";
import { blobPath, ingestDirectory, prepareLayout, unlinkIfThere } from "./layout.ts";
import { StagingFile } from "./staging-file.ts";
import { StoredBlob } from "./stored-blob.ts";

export interface BlobStoreOptions {
  /** The data directory; only `blobs/`, `ingest/` and `quarantine/` in it are touched. */
  directory: string;
  /** Tells the files of this process from those of another; letters, digits, `_` and `-`. */
  bootId: string;
}

/**
 * Opens the store in `directory`, makes what is missing there, and removes what an earlier process left in `ingest/`.
 * @throws StoreError where the directories cannot be made or used.
 */
export async function openBlobStore(options: BlobStoreOptions): Promise<BlobStore> {
  if (!/^[A-Za-z0-9_-]+$/.test(options.bootId)) throw new Error("a boot id that is not fit for a file name");
  try {
    await prepareLayout(options.directory);
  } catch (error) {
    throw toStoreError(error, `preparing ${options.directory}`);
  }
  return new DiskBlobStore(options);
}

class DiskBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #bootId: string;
  readonly #stagings = new Set<Staging>();
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
