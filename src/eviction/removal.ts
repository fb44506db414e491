import type { BlobStore } from "../blobstore/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

/** So many files are unlinked at once. */
const maxAtOnce = 16;

export interface RemovalPorts {
  store: BlobStore;
  index: Metadata;
  isInUse: (digest: Digest) => boolean;
  /** A file could not be unlinked, or its row not changed: it stays doomed and is tried again later. */
  onError: (error: unknown) => void;
}

/** Unlinks what is doomed, each file under the lock of its digest and only when nobody uses it. */
export class Removal {
  readonly #ports: RemovalPorts;
  /** Doomed files that could not be removed yet: in use, or the disk refused. */
  readonly #waiting = new Set<Digest>();

  constructor(ports: RemovalPorts) {
    this.#ports = ports;
  }

  /** Files that are doomed and still there. */
  get waiting(): ReadonlySet<Digest> {
    return this.#waiting;
  }

  /** Resolves when all that can go now has gone and the index knows. */
  async remove(digests: Iterable<Digest>): Promise<void> {
    const queue = [...digests];
    const work = async (): Promise<void> => {
      for (let digest = queue.shift(); digest; digest = queue.shift()) await this.#removeOne(digest);
    };
    await Promise.all(Array.from({ length: maxAtOnce }, work));
  }

  /** Tries again what had to wait. */
  retry(): Promise<void> {
    return this.remove(this.#waiting);
  }

  /** To be called when nobody uses a digest any more. */
  async idle(digest: Digest): Promise<void> {
    if (this.#waiting.has(digest)) await this.#removeOne(digest);
  }

  /**
   * The lock is held from the look at the row until the row has gone, so that a fill of the same digest, which commits under
   * the same lock, comes before (and revives it) or after (and begins anew).
   */
  async #removeOne(digest: Digest): Promise<void> {
    const { store, index, isInUse, onError } = this.#ports;
    this.#waiting.add(digest);
    try {
      await store.exclusively(digest, async () => {
        if (index.blob(digest)?.state === "doomed") {
          if (isInUse(digest)) return;
          await store.remove(digest);
          await index.recordRemoved([digest]);
        }
        this.#waiting.delete(digest);
      });
    } catch (error) {
      onError(error);
    }
  }
}
