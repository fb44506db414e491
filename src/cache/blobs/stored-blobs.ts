import { LRUCache } from "lru-cache";
import {
  isOutOfDescriptors,
  relativeBlobPath,
  StoreError,
  type BlobStore,
  type OpenBlob,
} from "../../blobstore/index.ts";
import type { BlobRow, Metadata } from "../../metadata/index.ts";
import { digestAlgorithm, digestOf, RegistryError, type Digest } from "../../oci/index.ts";
import { BodyBroken } from "../broken.ts";
import type { Clock } from "../clock.ts";
import { Collapse } from "../collapse.ts";
import { durably } from "../durably.ts";
import type { Adopt, Keeping } from "../keeping.ts";
import type { Memory } from "../memory.ts";
import type { CacheObserver } from "../observer.ts";
import type { HandedOver } from "./handed-over.ts";
import { createFileReader, createMemoryReader, type BlobReader } from "./reader.ts";
import { createVerifyingReader } from "./verifying-reader.ts";

/** A file found right is believed for so long; what the disk does to it meanwhile changes no time stamp. */
const verifiedForMs = 24 * 60 * 60 * 1000;

/** Which whole reads of stored files are hashed: all, those whose last check is old, or none. */
export type ReadCheck = "always" | "stale" | "never";

export interface StoredBlobsPorts {
  store: BlobStore;
  index: Metadata;
  eviction: Keeping;
  adopt: Adopt;
  memory: Memory;
  clock: Clock;
  observer: CacheObserver;
  handedOver: HandedOver;
}

/** Bytes of a stored blob. `handOver`: see `BlobAnswer`. */
export interface OpenedBlob {
  size: number;
  reader: BlobReader;
  handOver?: () => string;
}

/** What is on disk by digest, manifests and blobs alike; a file that is gone, wrong or unreadable is given up here. */
export class StoredBlobs {
  readonly #check: ReadCheck;
  readonly #ports: StoredBlobsPorts;
  readonly #verified = new LRUCache<Digest, { at: number; changedAt: number }>({ max: 100_000 });
  readonly #losses = new Collapse<undefined>();

  constructor({ verifyOnRead }: { verifyOnRead: ReadCheck }, ports: StoredBlobsPorts) {
    this.#check = verifyOnRead;
    this.#ports = ports;
  }

  /** Whether a blob is on disk; one that is on its way out, or has not been looked at since a crash, is brought back. */
  async isHere(digest: Digest): Promise<boolean> {
    const state = this.#ports.index.blob(digest)?.state;
    if (state === "present") return true;
    return state === "doomed" ? this.#ports.eviction.revive(digest) : this.adopt(digest);
  }

  /** Bytes of what is on disk; undefined where it is not. */
  sizeOf(digest: Digest): number | undefined {
    const row = this.#ports.index.blob(digest);
    return row?.state === "present" ? row.size : undefined;
  }

  /** See `Adopt`. */
  async adopt(digest: Digest): Promise<boolean> {
    const { index, adopt } = this.#ports;
    return index.blob(digest)?.state === "present" || adopt(digest);
  }

  /** A whole small body, its hash checked on the way into memory; undefined where it is not stored. */
  async read(digest: Digest): Promise<Buffer | undefined> {
    const known = this.#ports.memory.get(digest);
    if (known) return known;
    const bytes = await this.#readable(this.#ports.store.readAll(digest));
    if (!bytes || digestOf(bytes, digestAlgorithm(digest)) !== digest) {
      await this.#giveUp(digest, bytes ? "wrong" : "unreadable");
      return undefined;
    }
    this.#ports.memory.set(digest, bytes);
    return bytes;
  }

  /**
   * Undefined where it is not stored.
   * @param isWhole - Whether all of it will be read in order: then its digest is checked on the way, unless it has been
   * found right by this process within a day and the file has not been touched since.
   * @param row - As it has just been read, where it has been.
   */
  async open(
    digest: Digest,
    isWhole: boolean,
    row: BlobRow | undefined = this.#ports.index.blob(digest),
  ): Promise<OpenedBlob | undefined> {
    const { memory, store, eviction } = this.#ports;
    if (row?.state !== "present" || row.size === undefined) return undefined;
    if (memory.fits(row.size)) {
      const bytes = await this.read(digest);
      return bytes && { size: bytes.length, reader: createMemoryReader(bytes) };
    }
    const giveBack = eviction.hold(digest);
    try {
      const file = await this.#readable(store.open(digest));
      if (file?.size === row.size) {
        const reader = this.#giveUpOnError(digest, createFileReader(file), giveBack);
        const { size } = file;
        const mustVerify = isWhole && !this.#isVerified(digest, file);
        if (mustVerify) return { size, reader: this.#verifying(digest, file, reader) };
        return { size, reader, handOver: () => this.#handOver(digest) };
      }
      await file?.close();
      await this.#giveUp(digest, file ? "wrong" : "unreadable");
    } catch (error) {
      giveBack();
      throw error;
    }
    giveBack();
    return undefined;
  }

  #handOver(digest: Digest): string {
    this.#ports.handedOver.keep(digest);
    return relativeBlobPath(digest);
  }

  #isVerified(digest: Digest, { changedAt }: OpenBlob): boolean {
    if (this.#check !== "stale") return this.#check === "never";
    const verified = this.#verified.get(digest);
    return verified?.changedAt === changedAt && this.#ports.clock.now() < verified.at + verifiedForMs;
  }

  #verifying(digest: Digest, { size, changedAt }: OpenBlob, reader: BlobReader): BlobReader {
    return createVerifyingReader(reader, digest, size, {
      onRight: () => this.#noteRight(digest, changedAt),
      onWrong: () => {
        this.#giveUp(digest, "wrong").catch(() => this.#ports.observer.uncached("io"));
      },
    });
  }

  /** The index is told too: the scrub need not read it soon. */
  #noteRight(digest: Digest, changedAt: number): void {
    const { clock, index } = this.#ports;
    this.#verified.set(digest, { at: clock.now(), changedAt });
    // Where that cannot be noted, it is looked at once more: no harm is done.
    index.recordVerified([digest], clock.now()).catch(() => undefined);
  }

  /** A file that cannot be read counts as absent; that there are no descriptors left says nothing of the file. */
  async #readable<T>(opening: Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await opening;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (!isOutOfDescriptors(error)) return undefined;
      throw new RegistryError("UNAVAILABLE", "too many files are open", { retryAfter: 1, cause: error });
    }
  }

  #giveUpOnError(digest: Digest, reader: BlobReader, giveBack: () => void): BlobReader {
    return {
      read: (buffer, position, length) =>
        reader.read(buffer, position, length).catch(async (error: unknown) => {
          if (error instanceof StoreError && error.kind !== "closed") await this.#giveUp(digest, "unreadable");
          throw new BodyBroken("transport", "the stored file cannot be read", error);
        }),
      async close() {
        await reader.close().finally(giveBack);
      },
    };
  }

  /** The file goes to `quarantine/`, and its row says that it is not here. */
  #giveUp(digest: Digest, problem: "wrong" | "unreadable"): Promise<undefined> {
    const { index, memory, store, observer } = this.#ports;
    const work = async (): Promise<undefined> => {
      // Whoever noticed it first may have been followed by a fill that brought it back.
      if (index.blob(digest)?.state !== "present") return;
      memory.delete(digest);
      if (problem === "wrong") observer.corrupt(digest);
      await store.quarantine(digest).catch(() => observer.uncached("io"));
      await durably(observer, index.forgetFile(digest));
    };
    return this.#losses.run(digest, () => store.exclusively(digest, work)).promise;
  }
}
