import type { Digest } from "../oci/index.ts";
import { Adoption } from "./adoption.ts";
import { Backup } from "./backup.ts";
import { Hasher } from "./hasher.ts";
import type { UpkeepParts } from "./parts.ts";
import { Reconcile } from "./reconcile.ts";
import { Scrub } from "./scrub.ts";
import {
  UpkeepError,
  type BackupReport,
  type JobOptions,
  type Upkeep,
  type UpkeepOptions,
  type VerifyReport,
} from "./upkeep.ts";
import { Verify } from "./verify.ts";

/** Nothing begins by itself. The store and the index must stay open until upkeep is closed. */
export function createUpkeep(options: UpkeepOptions): Upkeep {
  return new DirectoryUpkeep(options);
}

class DirectoryUpkeep implements Upkeep {
  readonly #hasher: Hasher;
  readonly #closing = new AbortController();
  readonly #parts: UpkeepParts;
  readonly #adoption: Adoption;
  readonly #reconcile: Reconcile;
  readonly #running = new Set<Promise<unknown>>();
  #isScrubbing = false;

  constructor(options: UpkeepOptions) {
    this.#hasher = new Hasher(options.directory);
    this.#parts = { ...options, hasher: this.#hasher, closing: this.#closing.signal };
    this.#adoption = new Adoption(this.#parts);
    this.#reconcile = new Reconcile(this.#parts, this.#adoption);
  }

  get reconcileRatio(): number {
    return this.#reconcile.ratio;
  }

  get edgesComplete(): Promise<void> {
    return this.#reconcile.edgesComplete;
  }

  reconcile(): Promise<void> {
    return this.#track(this.#reconcile.run());
  }

  adopt(digest: Digest): Promise<boolean> {
    return this.#track(this.#adoption.adopt(digest));
  }

  startScrub(): void {
    if (this.#isScrubbing || this.#parts.scrub.everyMs === 0) return;
    this.#isScrubbing = true;
    void this.#track(this.#reconcile.over.then(() => new Scrub(this.#parts).run()));
  }

  async verify(options: JobOptions): Promise<VerifyReport> {
    return this.#track(new Verify(this.#parts, this.#stoppable(options)).run());
  }

  async backup(target: string, options: JobOptions): Promise<BackupReport> {
    return this.#track(new Backup(this.#parts, target, this.#stoppable(options)).run());
  }

  async close(): Promise<void> {
    this.#closing.abort(new UpkeepError("closed", "upkeep is closed"));
    await this.#hasher.close();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #stoppable(options: JobOptions): JobOptions {
    return { ...options, signal: AbortSignal.any([options.signal, this.#closing.signal]) };
  }

  /** What `close` waits for. */
  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const forget = (): void => void this.#running.delete(work);
    work.then(forget, forget);
    return work;
  }
}
