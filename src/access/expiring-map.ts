interface Entry<V> {
  value: V;
  /** Milliseconds of the clock. */
  until: number;
}

/** At most so many values, each for a time; the one that was not asked for the longest goes first. */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #max: number;
  readonly #now: () => number;

  constructor(max: number, now: () => number) {
    this.#max = max;
    this.#now = now;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.until <= this.#now()) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, forMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: this.#now() + forMs });
    if (this.#entries.size > this.#max) this.#entries.delete(this.#entries.keys().next().value ?? key);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
