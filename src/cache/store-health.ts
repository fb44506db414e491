import { StoreError } from "../blobstore/index.ts";
import type { Clock } from "./clock.ts";
import type { CacheObserver, UncachedReason } from "./observer.ts";

/** So many errors within this time, and nothing is stored until a probe has succeeded. */
const maxErrors = 3;
const withinMs = 60_000;
const probeEveryMs = 5000;

export interface StoreHealthPorts {
  clock: Clock;
  observer: CacheObserver;
  /** Shows that the disk and the index can be written. Rejects where they cannot. */
  probe: () => Promise<void>;
}

/**
 * Whether the store can be relied upon. A disk or a database that fails again and again is left alone: content passes
 * through, and every few seconds a probe asks whether it is back. What is stored is still served as far as it can be read.
 */
export class StoreHealth {
  readonly #ports: StoreHealthPorts;
  #errorsAt: number[] = [];
  #isSetAside = false;
  #cancelProbe: (() => void) | undefined;
  #isClosed = false;

  constructor(ports: StoreHealthPorts) {
    this.#ports = ports;
  }

  get isSetAside(): boolean {
    return this.#isSetAside;
  }

  /** @throws StoreError while nothing is to be stored. */
  check(): void {
    if (this.#isSetAside) throw new StoreError("io", "the store has failed repeatedly and is left alone", undefined);
  }

  /** The observer, told of through this one, so that failures are counted here too. */
  watching(observer: CacheObserver): CacheObserver {
    return {
      ...observer,
      uncached: (reason) => {
        observer.uncached(reason);
        this.#note(reason);
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelProbe?.();
  }

  #note(reason: UncachedReason): void {
    if (this.#isSetAside || (reason !== "io" && reason !== "database")) return;
    const now = this.#ports.clock.now();
    this.#errorsAt = [...this.#errorsAt.filter((at) => at > now - withinMs), now];
    if (this.#errorsAt.length < maxErrors) return;
    this.#isSetAside = true;
    this.#ports.observer.setAside(true);
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#isClosed) return;
    this.#cancelProbe = this.#ports.clock.setTimer(probeEveryMs, () => {
      this.#ports.probe().then(
        () => this.#comeBack(),
        () => this.#probeLater(),
      );
    });
  }

  #comeBack(): void {
    if (this.#isClosed) return;
    this.#isSetAside = false;
    this.#errorsAt = [];
    this.#ports.observer.setAside(false);
  }
}
