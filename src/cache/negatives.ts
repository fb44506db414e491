import { LRUCache } from "lru-cache";
import type { Clock } from "./clock.ts";

const maxEntries = 10_000;

/**
 * What the upstream said is not there, for a few seconds. Only a 404 makes an entry: a refusal, a limit or an outage
 * says nothing about absence.
 */
export class Negatives {
  readonly #until = new LRUCache<string, number>({ max: maxEntries });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string, forMs: number): void {
    this.#until.set(key, this.#clock.now() + forMs);
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    return until !== undefined && until > this.#clock.now();
  }

  delete(key: string): void {
    this.#until.delete(key);
  }
}
