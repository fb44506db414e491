import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { OpenBlob } from "./blob-store.ts";
import { isErrno, StoreError, toStoreError } from "./errors.ts";
import { SharedFile } from "./shared-file.ts";

/** A committed file, open for reading. */
export class StoredBlob implements OpenBlob {
  readonly size: number;
  readonly changedAt: number;
  readonly #file: SharedFile;

  private constructor(handle: FileHandle, { size, ctimeMs }: Stats) {
    this.size = size;
    this.changedAt = ctimeMs;
    this.#file = new SharedFile(handle);
  }

  /** Undefined where there is no such file. */
  static async open(path: string): Promise<StoredBlob | undefined> {
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      return await StoredBlob.#of(handle);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw toStoreError(error, "opening a blob");
    }
  }

  static async #of(handle: FileHandle): Promise<StoredBlob> {
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw new StoreError("io", "not a regular file", undefined);
      return new StoredBlob(handle, status);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  read(buffer: Buffer, position: number, length: number): Promise<number> {
    return this.#file.read(buffer, position, Math.min(length, this.size - position));
  }

  /** All bytes; closes the blob. */
  async readAllAndClose(): Promise<Buffer> {
    try {
      const bytes = Buffer.allocUnsafe(this.size);
      let filled = 0;
      while (filled < bytes.length) {
        const count = await this.read(bytes.subarray(filled), filled, bytes.length - filled);
        if (count === 0) throw new StoreError("io", "the file became shorter while it was read", undefined);
        filled += count;
      }
      return bytes;
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
