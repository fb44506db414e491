import type { Digest } from "../oci/index.ts";
import type { Touch } from "./protocol.ts";

const writeEveryMs = 1000;

/** More digests than this are not held back for the timer. */
const maxHeld = 5000;

type Write = (touches: Touch[]) => Promise<unknown>;

/**
 * Times of access on their way to the index: the latest of each digest, written together every second. They steer
 * eviction only, so that some lost ones do no harm and a failed write is not tried again.
 */
export class Touches {
  readonly #write: Write;
  #latest = new Map<Digest, Touch>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: Write) {
    this.#write = write;
  }

  add({ digest, at, leasedUntil }: Touch): void {
    const earlier = this.#latest.get(digest);
    this.#latest.set(digest, {
      digest,
      at: Math.max(at, earlier?.at ?? 0),
      leasedUntil: Math.max(leasedUntil, earlier?.leasedUntil ?? 0),
    });
    if (this.#latest.size >= maxHeld) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), writeEveryMs).unref();
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const touches = [...this.#latest.values()];
    this.#latest = new Map();
    if (touches.length > 0) await this.#write(touches).catch(() => undefined);
  }
}
