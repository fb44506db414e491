const smallBytes = 32 * 1024;
const largeBytes = 512 * 1024;

/** However many clients are quick, no more of them than this have a large buffer (promise P10). */
const maxLarge = 16;
/** Small ones beyond this are left to the garbage collector. */
const maxSmallKept = 128;

/** Buffers for response bodies: small ones as needed, large ones for a bounded number of clients that drain at once. */
export class BufferPool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  #largeMade = 0;

  /** A small buffer. */
  take(): Buffer {
    return this.#small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
  }

  /** A large buffer in exchange for a small one, or the same one where there is none to be had. */
  grow(buffer: Buffer): Buffer {
    if (buffer.length === largeBytes) return buffer;
    const large = this.#anyLarge();
    if (!large) return buffer;
    this.give(buffer);
    return large;
  }

  shrink(buffer: Buffer): Buffer {
    if (buffer.length === smallBytes) return buffer;
    this.give(buffer);
    return this.take();
  }

  /** Only for a buffer that no write is using any more. */
  give(buffer: Buffer): void {
    if (buffer.length === largeBytes) this.#large.push(buffer);
    else if (this.#small.length < maxSmallKept) this.#small.push(buffer);
  }

  /** A buffer that is lost with a broken response: its bytes may still be on their way to the kernel. */
  forget(buffer: Buffer): void {
    if (buffer.length === largeBytes) this.#largeMade -= 1;
  }

  #anyLarge(): Buffer | undefined {
    const kept = this.#large.pop();
    if (kept) return kept;
    if (this.#largeMade === maxLarge) return undefined;
    this.#largeMade += 1;
    return Buffer.allocUnsafeSlow(largeBytes);
  }
}
