import type { Hash } from "node:crypto";
import { digestHex, type Digest } from "../../oci/index.ts";
import { BodyBroken } from "../broken.ts";
import type { BlobReader } from "../blobs/reader.ts";

export interface UncachedStreamOptions {
  digest: Digest;
  /** Bytes from `start` on, as the upstream sends them. */
  chunks: AsyncIterable<Buffer>;
  start: number;
  /** Where the body ends, exclusive. */
  end: number;
  /** The hash of everything before `start`; undefined for a part of a blob, which only the client can check. */
  hash: Hash | undefined;
}

/**
 * A body straight from the upstream, for what cannot be stored. With a hash, the last byte is handed out only after
 * all of the blob has come and its digest is right (promise P1).
 */
export class UncachedStream implements BlobReader {
  readonly #options: UncachedStreamOptions;
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #releasable: number;
  #chunk: Buffer = Buffer.alloc(0);
  #position: number;
  #received: number;
  #isVerified = false;
  #isClosed = false;

  constructor(options: UncachedStreamOptions) {
    this.#options = options;
    this.#iterator = options.chunks[Symbol.asyncIterator]();
    this.#position = options.start;
    this.#received = options.start;
    this.#releasable = options.hash ? options.end - 1 : options.end;
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    if (position !== this.#position)
      throw new Error(`an uncached body is read in order: at ${this.#position}, asked for ${position}`);
    if (position >= this.#options.end) {
      if (!this.#isVerified) await this.#verify();
      return 0;
    }
    while (this.#chunk.length === 0) await this.#next();
    const limit = (this.#isVerified ? this.#options.end : this.#releasable) - position;
    if (limit <= 0) {
      await this.#verify();
      return this.read(buffer, position, length);
    }
    const count = this.#chunk.copy(buffer, 0, 0, Math.min(length, limit));
    this.#chunk = this.#chunk.subarray(count);
    this.#position += count;
    return count;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#iterator.return?.();
  }

  /** @throws BodyBroken whatever it was that ended the upstream's body early. */
  async #pull(): Promise<IteratorResult<Buffer, unknown>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      if (this.#isClosed) throw new BodyBroken("closed", "the reader has left", error);
      throw new BodyBroken("transport", "the upstream broke off", error);
    }
  }

  async #next(): Promise<void> {
    const next = await this.#pull();
    if (next.done) {
      if (this.#isClosed) throw new BodyBroken("closed", "the reader has left");
      const { end } = this.#options;
      throw new BodyBroken("length-mismatch", `the upstream's body ended at ${this.#received} of ${end} bytes`);
    }
    this.#received += next.value.length;
    this.#options.hash?.update(next.value);
    this.#chunk = next.value;
  }

  /** The held-back byte is in `#chunk`: there must be nothing behind it, and the digest must be right. */
  async #verify(): Promise<void> {
    const { hash, digest, end } = this.#options;
    if (!hash) return;
    let next = await this.#pull();
    while (!next.done && next.value.length === 0) next = await this.#pull();
    if (!next.done || this.#received !== end)
      throw new BodyBroken("length-mismatch", `the upstream's body is longer than ${end} bytes`);
    if (!hashIs(hash, digest))
      throw new BodyBroken("digest-mismatch", "the upstream's bytes do not have the digest asked for");
    this.#isVerified = true;
  }
}

/** Whether a finished hash is that of `digest`; the hash cannot be used afterwards. */
export function hashIs(hash: Hash, digest: Digest): boolean {
  return hash.digest("hex") === digestHex(digest);
}
