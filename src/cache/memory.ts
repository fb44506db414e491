import { LRUCache } from "lru-cache";
import type { Digest } from "../oci/index.ts";

/** Verified bytes of manifests and small blobs that are asked for often, by digest. */
export class Memory {
  readonly #bodies: LRUCache<Digest, Buffer>;
  readonly #maxBlobBytes: number;

  constructor(settings: { hotBlobsBytes: number; maxHotBlobBytes: number }) {
    this.#maxBlobBytes = settings.maxHotBlobBytes;
    this.#bodies = new LRUCache({
      maxSize: Math.max(1, settings.hotBlobsBytes),
      maxEntrySize: Math.max(1, settings.hotBlobsBytes),
      sizeCalculation: (body) => Math.max(1, body.length),
    });
  }

  /** Whether a blob of this size is small enough to be kept here. */
  fits(size: number): boolean {
    return size <= this.#maxBlobBytes;
  }

  get(digest: Digest): Buffer | undefined {
    return this.#bodies.get(digest);
  }

  set(digest: Digest, body: Buffer): void {
    this.#bodies.set(digest, body);
  }

  delete(digest: Digest): void {
    this.#bodies.delete(digest);
  }
}
