import type { Hash } from "node:crypto";
import type { Staging } from "../../blobstore/index.ts";
import { createDigestHash, digestAlgorithm, type Digest } from "../../oci/index.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { hashIs } from "./uncached-stream.ts";

/**
 * The growing file of a fill with the hash of exactly what is in it: the hash follows the file and not the network, so that
 * a fill can go on later, and readers can go on by themselves, from the file's end.
 */
export class Part {
  readonly #digest: Digest;
  readonly #hash: Hash;
  readonly #onWritten: () => void;
  readonly #recent = new RecentBytes();
  #unhashed: Buffer[] = [];
  #staging: Staging | undefined;
  #written = 0;

  constructor(digest: Digest, onWritten: () => void) {
    this.#digest = digest;
    this.#hash = createDigestHash(digestAlgorithm(digest));
    this.#onWritten = onWritten;
  }

  /** Bytes that are in the file and in the hash. */
  get written(): number {
    return this.#written;
  }

  get hasFile(): boolean {
    return this.#staging !== undefined;
  }

  /** @throws StoreError */
  async open(stage: (onWritten: (written: number) => void) => Promise<Staging>): Promise<void> {
    this.#staging = await stage((written) => this.#advance(written));
  }

  /** Takes the chunk over. @throws StoreError */
  async append(chunk: Buffer): Promise<void> {
    this.#unhashed.push(chunk);
    await this.#file().append(chunk);
  }

  /** Resolves when all that was appended is in the file and in the hash. @throws StoreError */
  async flush(): Promise<void> {
    await this.#staging?.flush();
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    const recent = this.#recent.read(buffer, position, length);
    return recent > 0 ? recent : this.#file().read(buffer, position, length);
  }

  /** The hash of what is in the file, to go on from elsewhere. */
  copyHash(): Hash {
    return this.#hash.copy();
  }

  /** Whether what is in the file has the digest asked for. */
  isRight(): boolean {
    return hashIs(this.#hash.copy(), this.#digest);
  }

  /** @throws StoreError */
  async commit(): Promise<void> {
    await this.#staging?.commit(this.#digest);
  }

  /** Nobody follows the file at present. */
  forgetRecent(): void {
    this.#recent.clear();
  }

  async close(): Promise<void> {
    await this.#staging?.close();
  }

  #file(): Staging {
    if (!this.#staging) throw new Error("a part without a file");
    return this.#staging;
  }

  #advance(written: number): void {
    let rest = written - this.#written;
    while (rest > 0) {
      const chunk = this.#unhashed.shift();
      if (!chunk) throw new Error("more bytes written than appended");
      const piece = chunk.subarray(0, rest);
      this.#hash.update(piece);
      this.#recent.push(piece);
      if (chunk.length > rest) this.#unhashed.unshift(chunk.subarray(rest));
      rest -= piece.length;
    }
    this.#written = written;
    this.#onWritten();
  }
}
