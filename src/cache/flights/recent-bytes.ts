const keptBytes = 1024 * 1024;

/**
 * The last bytes of a growing file, as they came. Followers that keep up are served from here: one copy in memory instead
 * of a read by the thread pool for each of them and each chunk.
 */
export class RecentBytes {
  #chunks: Buffer[] = [];
  #start = 0;
  #end = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#end += chunk.length;
    for (
      let [first] = this.#chunks;
      first && this.#end - this.#start - first.length >= keptBytes;
      [first] = this.#chunks
    ) {
      this.#start += first.length;
      this.#chunks.shift();
    }
  }

  /** Copies at most `length` bytes at `position` into `buffer`; 0 where they are not held any more. */
  read(buffer: Buffer, position: number, length: number): number {
    if (position < this.#start || position >= this.#end) return 0;
    let at = this.#start;
    let copied = 0;
    for (const chunk of this.#chunks) {
      const from = position + copied - at;
      if (from < chunk.length && copied < length) {
        copied += chunk.copy(buffer, copied, from, Math.min(chunk.length, from + length - copied));
      }
      at += chunk.length;
    }
    return copied;
  }

  clear(): void {
    this.#chunks = [];
    this.#start = this.#end;
  }
}
