/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** The same, the small ones more often, as 1/n: a few base images are below most others. */
  zipfBelow(count: number): number {
    return Math.min(Math.floor((count + 1) ** this.next()) - 1, count - 1);
  }

  fill(buffer: Buffer): Buffer {
    for (let at = 0; at + 4 <= buffer.length; at += 4) buffer.writeUInt32LE(Math.floor(this.next() * 2 ** 32), at);
    return buffer;
  }
}
