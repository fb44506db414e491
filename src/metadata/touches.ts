import type { Digest } from "../oci/index.ts";

const writeEveryMs = 1000;

/** More digests than this are not held back for the timer. */
const maxHeld = 5000;

type Write = (touches: [digest: Digest, at: number][]) => Promise<void>;

/**
 * Times of access on their way to the index: the latest of each digest, written together every second. They steer
 * eviction only, so that some lost ones do no harm and a failed write is not tried again.
 */
export class Touches {
  readonly #write: Write;
  #latest = new Map<Digest, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: Write) {
    this.#write = write;
  }

  add(digest: Digest, at: number): void {
    this.#latest.set(digest, Math.max(at, this.#latest.get(digest) ?? 0));
    if (this.#latest.size >= maxHeld) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), writeEveryMs).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const touches = [...this.#latest];
    this.#latest = new Map();
    if (touches.length > 0) await this.#write(touches).catch(() => undefined);
  }
}
