import type { OpenBlob } from "../../blobstore/index.ts";

/** The bytes of one response body. Positions count from the start of the blob; each call goes on where the last ended. */
export interface BlobReader {
  /** Reads at most `length` bytes into `buffer`, waiting for them where the blob is still growing; 0 at the end. */
  read(buffer: Buffer, position: number, length: number): Promise<number>;
  /** Ends a waiting `read` too. Safe to call twice. */
  close(): Promise<void>;
}

export function createMemoryReader(bytes: Buffer): BlobReader {
  return {
    read: (buffer, position, length) => Promise.resolve(bytes.copy(buffer, 0, position, position + length)),
    close: () => Promise.resolve(),
  };
}

export function createFileReader(file: OpenBlob): BlobReader {
  return { read: (buffer, position, length) => file.read(buffer, position, length), close: () => file.close() };
}
