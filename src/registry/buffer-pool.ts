/** From a reader that stalls to one that drains at once. */
const sizes = [64 * 1024, 256 * 1024, 1024 * 1024] as const;
const smallest = sizes[0];

/** What the larger buffers may take together, however many clients are fast (promise P10). */
const maxLargeBytes = 16 * 1024 * 1024;
const maxPooled = 128;

/** Buffers for response bodies. The smallest are made as needed; larger ones only while all of them stay within a bound. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>(sizes.map((size) => [size, []]));
  #largeBytes = 0;

  takeSmallest(): Buffer {
    return this.#free.get(smallest)?.pop() ?? Buffer.allocUnsafeSlow(smallest);
  }

  /** A buffer one size up in exchange for `buffer`, or the same one where there is none to be had. */
  exchangeForLarger(buffer: Buffer): Buffer {
    const size = sizes.find((candidate) => candidate > buffer.length);
    const larger = size && this.#takeLarge(size);
    if (!larger) return buffer;
    this.give(buffer);
    return larger;
  }

  exchangeForSmallest(buffer: Buffer): Buffer {
    if (buffer.length === smallest) return buffer;
    this.give(buffer);
    return this.takeSmallest();
  }

  /** Only for a buffer that no write is using any more. */
  give(buffer: Buffer): void {
    const free = this.#free.get(buffer.length);
    if (free && (buffer.length > smallest || free.length < maxPooled)) free.push(buffer);
  }

  /** A buffer that is lost with a broken response: its bytes may still be on their way to the kernel. */
  forget(buffer: Buffer): void {
    if (buffer.length > smallest) this.#largeBytes -= buffer.length;
  }

  #takeLarge(size: number): Buffer | undefined {
    const free = this.#free.get(size)?.pop();
    if (free) return free;
    if (this.#largeBytes + size > maxLargeBytes) return undefined;
    this.#largeBytes += size;
    return Buffer.allocUnsafeSlow(size);
  }
}
