import type { Digest } from "../oci/index.ts";

/** Digests that are being read or filled: what is in use is not unlinked. */
export class InUse {
  readonly #counts = new Map<Digest, number>();
  readonly #onIdle: (digest: Digest) => void;

  /** @param onIdle - Told when nobody uses a digest any more. */
  constructor(onIdle: (digest: Digest) => void) {
    this.#onIdle = onIdle;
  }

  has(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  /** The returned function gives it back; calling it again does nothing. */
  hold(digest: Digest): () => void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#counts.get(digest) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(digest, left);
        return;
      }
      this.#counts.delete(digest);
      this.#onIdle(digest);
    };
  }
}
