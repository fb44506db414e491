/** Holds responses until the test lets them go: for tests of order, without sleeps. */
export class Gate {
  #isOpen = false;
  #held: (() => void)[] = [];
  #arrivals = 0;
  #watchers: { count: number; resolve: () => void }[] = [];

  /** How many responses have been held so far. */
  get arrivals(): number {
    return this.#arrivals;
  }

  /** Resolves once `count` responses have come to the gate. */
  reached(count = 1): Promise<void> {
    if (this.#arrivals >= count) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ count, resolve }));
  }

  /** Lets go all that are held, and all that come later. */
  release(): void {
    this.#isOpen = true;
    for (const go of this.#held.splice(0)) go();
  }

  /** Lets go the one that has waited longest; the gate stays shut. */
  releaseOne(): void {
    this.#held.shift()?.();
  }

  /** Waits here; a client that leaves is `signal`'s matter. */
  async pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#arrivals += 1;
    for (const watcher of this.#watchers) if (this.#arrivals >= watcher.count) watcher.resolve();
    if (this.#isOpen) return;
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#held = this.#held.filter((other) => other !== go);
        reject(new Error("the client left while its response was held"));
      };
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      this.#held.push(go);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

export function createGate(): Gate {
  return new Gate();
}
