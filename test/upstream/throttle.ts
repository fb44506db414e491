import { setTimeout as sleep } from "node:timers/promises";

const ticksPerSecond = 50;
const largestPiece = 64 * 1024;

/** A shared rate of bytes: all who take from it wait in one queue. */
export class Throttle {
  /** Undefined: as fast as it goes. May be changed at any time. */
  bytesPerSecond: number | undefined;
  #freeAt = 0;

  constructor(bytesPerSecond?: number) {
    this.bytesPerSecond = bytesPerSecond;
  }

  /** The largest piece worth taking at once, so that the rate is even. */
  get pieceBytes(): number {
    if (this.bytesPerSecond === undefined) return largestPiece;
    return Math.min(largestPiece, Math.max(1, Math.floor(this.bytesPerSecond / ticksPerSecond)));
  }

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond === undefined) return;
    const now = performance.now();
    const startAt = Math.max(now, this.#freeAt);
    this.#freeAt = startAt + (bytes / this.bytesPerSecond) * 1000;
    if (this.#freeAt > now + 1) await sleep(this.#freeAt - now, undefined, { signal });
  }
}
