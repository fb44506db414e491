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
    const queue = [...new Set(digests)];
    for (let from = 0; from < queue.length; from += maxAtOnce) {
      await this.#removeTogether(queue.slice(from, from + maxAtOnce));
    }
  }

  /** Tries again what had to wait. */
  retry(): Promise<void> {
    return this.remove(this.#waiting);
  }

  /** To be called when nobody uses a digest any more. */
  async idle(digest: Digest): Promise<void> {
    if (this.#waiting.has(digest)) await this.#removeTogether([digest]);
  }

  /**
   * Unlinks each file under the lock of its digest, then tells the index of all of them at once. Each lock is held from the
   * look at the row until the row has gone, so that a fill of the same digest, which commits under the same lock, comes
   * before (and revives it) or after (and begins anew). All locks are asked for in the same moment: two that want the same
   * ones cannot wait for each other.
   */
  async #removeTogether(digests: readonly Digest[]): Promise<void> {
    const { store, index, onError } = this.#ports;
    const unlinked = digests.map(() => Promise.withResolvers<boolean>());
    const recorded = Promise.all(unlinked.map(({ promise }) => promise)).then(async (areGone) => {
      const gone = digests.filter((_, place) => areGone[place]);
      if (gone.length > 0) await index.recordRemoved(gone);
    });
    const removals = digests.map((digest, place) =>
      store.exclusively(digest, async () => {
        const isGone = await this.#unlink(digest);
        unlinked[place]?.resolve(isGone);
        await recorded;
        if (isGone) this.#waiting.delete(digest);
      }),
    );
    await Promise.all(removals).catch(onError);
  }

  /** Whether its file has gone. One that is doomed and stays waits; one that is not doomed any more does not. */
  async #unlink(digest: Digest): Promise<boolean> {
    const { store, index, isInUse, onError } = this.#ports;
    this.#waiting.add(digest);
    try {
      const isDoomed = index.blob(digest)?.state === "doomed";
      if (isDoomed && isInUse(digest)) return false;
      if (isDoomed) await store.remove(digest);
      else this.#waiting.delete(digest);
      return isDoomed;
    } catch (error) {
      onError(error);
      return false;
    }
  }
}
