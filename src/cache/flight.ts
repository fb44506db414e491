import type { Hash } from "node:crypto";
import { StoreError, type BlobStore, type Staging } from "../blobstore/index.ts";
import { BudgetExceeded, type Budget, type Reservation } from "../eviction/index.ts";
import { createDigestHash, digestAlgorithm, RegistryError, type Digest, type RepositoryName } from "../oci/index.ts";
import { UpstreamError, type Upstream } from "../upstream/index.ts";
import { BodyBroken } from "./broken.ts";
import { withDeadline, type Clock } from "./clock.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { UncachedStream, hashIs } from "./uncached-stream.ts";

/** Reserved at once while the size is not known. */
const reserveStepBytes = 64 * 1024 * 1024;

export interface FlightSettings {
  answerWithinMs: number;
  maxBlobSizeBytes: number;
}

/** What a flight needs from the rooms below, and whom it tells. */
export interface FlightPorts {
  store: BlobStore;
  budget: Budget;
  clock: Clock;
  /** The file is committed: make it a hit. Resolves when that is durable; false where it could not be done. */
  record: (upstream: string, repository: RepositoryName, digest: Digest, size: number) => Promise<boolean>;
  observer: FlightObserver;
}

export interface FlightObserver {
  verifyFailed(upstream: string): void;
  uncached(reason: UncachedReason): void;
}

/** Why content goes to its clients without being kept; `range`: a part that no fill was near. */
export type UncachedReason = "budget" | "no-space" | "io" | "database" | "range";

/** The reason why `error` keeps content from being stored; undefined where it is another kind of failure. */
export function uncachedReason(error: unknown): UncachedReason | undefined {
  if (error instanceof BudgetExceeded) return "budget";
  return error instanceof StoreError && error.kind !== "closed" ? error.kind : undefined;
}

export interface FlightRequest {
  upstream: Upstream;
  /** The repository through which the blob is fetched. */
  repository: RepositoryName;
  digest: Digest;
  /** The size a manifest claims; used where the upstream states none. */
  claimedSize: number | undefined;
  settings: FlightSettings;
}

/**
 * `verified`: the digest is right, the file is not a hit yet. `paused`: keeps its part and can go on.
 * `detached`: could not be stored, its readers go on by themselves. `failed`: nothing of it is worth keeping.
 */
export type FlightPhase = "opening" | "running" | "verified" | "stored" | "paused" | "detached" | "failed";

/** One attempt to bring the rest of the blob; a reader belongs to the run it joined. */
export interface Run {
  opened: Promise<unknown>;
  controller: AbortController;
  error: BodyBroken | undefined;
}

/** The upstream does not have the blob in this repository. */
export class BlobAbsent extends Error {
  override readonly name = "BlobAbsent";
}

/** Why a run was stopped from our side; not an error. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** One shared fill of one blob from one upstream: a growing file that any number of readers follow. */
export class Flight {
  readonly request: FlightRequest;
  readonly #ports: FlightPorts;
  readonly #waiting = new Set<() => void>();
  readonly #hash: Hash;
  readonly #recent = new RecentBytes();
  #unhashed: Buffer[] = [];
  #staging: Staging | undefined;
  #reservation: Reservation | undefined;
  #spare: { chunks: AsyncIterable<Buffer>; from: number } | undefined;
  #phase: FlightPhase = "opening";
  #size: number | undefined;
  #written = 0;
  #startedAt = 0;
  #startedFrom = 0;
  #ended: Promise<void> = Promise.resolve();
  run!: Run;

  constructor(request: FlightRequest, ports: FlightPorts) {
    this.request = request;
    this.#ports = ports;
    this.#hash = createDigestHash(digestAlgorithm(request.digest));
  }

  get phase(): FlightPhase {
    return this.#phase;
  }

  /** Length of the blob in bytes: stated by the upstream, or claimed by a manifest; exact once verified. */
  get size(): number | undefined {
    return this.#size;
  }

  get written(): number {
    return this.#written;
  }

  /**
   * Bytes that may be handed out: all but the last until the digest is known to be right (promise P1). Readers of a
   * detached flight hold back the last byte of what they fetch by themselves.
   */
  get available(): number {
    if (this.#phase === "verified" || this.#phase === "stored" || this.#phase === "detached") return this.#written;
    return Math.min(this.#written, (this.#size ?? Number.POSITIVE_INFINITY) - 1);
  }

  /** Whether a reader that starts at `position` is better served here than by a request of its own. */
  isNear(position: number): boolean {
    const seconds = (this.#ports.clock.now() - this.#startedAt) / 1000;
    const rate = seconds > 0 ? (this.#written - this.#startedFrom) / seconds : 0;
    return position <= this.#written + Math.max(64 * 1024 * 1024, 5 * rate);
  }

  /** Starts, or goes on after a pause. Resolves when the run has ended, whatever its end. */
  start(): Promise<void> {
    const opened = Promise.withResolvers<undefined>();
    opened.promise.catch(() => undefined);
    const run: Run = { opened: opened.promise, controller: new AbortController(), error: undefined };
    this.run = run;
    this.#ended = this.#ended
      .then(() => this.#fly(run, () => opened.resolve(undefined)))
      .catch(async (error: unknown) => {
        await this.#endRun(run, error);
        opened.reject(error);
      });
    return this.#ended;
  }

  /** Resolves at the next change: bytes, phase, or `wake`. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    const wanted = Math.min(length, this.available - position);
    const recent = this.#recent.read(buffer, position, wanted);
    if (recent > 0) return recent;
    if (!this.#staging) throw new Error("a flight without a file has nothing to read");
    return this.#staging.read(buffer, position, wanted);
  }

  /** For a reader of a detached flight: the rest from `start` by a request of its own. */
  async openRest(start: number, end: number, isWhole: boolean, signal: AbortSignal): Promise<UncachedStream> {
    const { upstream, repository, digest } = this.request;
    const hash = isWhole ? this.#hash.copy() : undefined;
    if (this.#spare?.from === start) {
      const { chunks } = this.#spare;
      this.#spare = undefined;
      return new UncachedStream({ digest, chunks, start, end, hash });
    }
    const to = isWhole ? undefined : end - 1;
    const body = await upstream.openBlob(repository, digest, { from: start, to }, { signal });
    if (!body) throw new BodyBroken("transport", "the upstream no longer has the blob");
    return new UncachedStream({ digest, chunks: body.chunks, start, end, hash });
  }

  /** Closes the file, and removes it unless it was committed; gives back what was reserved. */
  async close(): Promise<void> {
    this.run.controller.abort(new Cancelled("closed"));
    this.#reservation?.release();
    const spare = this.#spare;
    this.#spare = undefined;
    await spare?.chunks[Symbol.asyncIterator]().return?.();
    await this.#staging?.close();
  }

  async #fly(run: Run, opened: () => void): Promise<void> {
    // The run that this one was to replace has brought everything after all.
    if (this.#phase === "verified" || this.#phase === "stored") {
      opened();
      return;
    }
    this.#phase = "opening";
    this.#startedAt = this.#ports.clock.now();
    try {
      // What an earlier run appended must be in the file and in the hash before the offset is asked for.
      await this.#staging?.flush();
      this.#startedFrom = this.#written;
      const chunks = await this.#open(run);
      await this.#prepare(chunks);
      this.#phase = "running";
      opened();
      this.wake();
      await this.#fill(chunks);
    } catch (error) {
      const reason = uncachedReason(error);
      if (!reason) throw error;
      await this.#detach(reason);
      opened();
      return;
    }
    this.#verify();
    await this.#commit();
  }

  async #open(run: Run): Promise<AsyncIterable<Buffer>> {
    const { upstream, repository, digest, settings, claimedSize } = this.request;
    const late = (): Error =>
      new UpstreamError("timeout", `no answer within ${settings.answerWithinMs} ms`, { upstream: upstream.name });
    const body = await withDeadline(this.#ports.clock, settings.answerWithinMs, late, (deadline) => {
      const signal = AbortSignal.any([deadline, run.controller.signal]);
      return upstream.openBlob(repository, digest, { from: this.#written }, { signal });
    });
    if (!body) throw new BlobAbsent(digest);
    if (this.#written > 0 && body.size !== undefined && this.#size !== undefined && body.size !== this.#size) {
      throw new UpstreamError("bad-response", "the blob's length has changed", {
        upstream: upstream.name,
        status: 200,
      });
    }
    this.#size = body.size ?? this.#size ?? claimedSize;
    if ((this.#size ?? 0) > settings.maxBlobSizeBytes) throw tooLarge(this.#size, settings);
    return body.chunks;
  }

  /** Space and a file for the bytes. What has been opened already is left to the first reader if there is neither. */
  async #prepare(chunks: AsyncIterable<Buffer>): Promise<void> {
    if (this.#staging) return;
    try {
      this.#reservation = await this.#ports.budget.reserve(this.#size ?? reserveStepBytes);
      this.#staging = await this.#ports.store.stage((written) => this.#advance(written));
    } catch (error) {
      this.#spare = { chunks, from: this.#written };
      throw error;
    }
  }

  async #fill(chunks: AsyncIterable<Buffer>): Promise<void> {
    const staging = this.#staging;
    if (!staging) throw new Error("a flight fills a file");
    let appended = this.#written;
    for await (const chunk of chunks) {
      appended += chunk.length;
      await this.#makeRoomFor(appended);
      this.#unhashed.push(chunk);
      await staging.append(chunk);
    }
    await staging.flush();
  }

  async #makeRoomFor(bytes: number): Promise<void> {
    const { settings } = this.request;
    if (bytes > settings.maxBlobSizeBytes) throw tooLarge(bytes, settings);
    if (this.#size !== undefined && bytes <= this.#size) return;
    const steps = Math.ceil(bytes / reserveStepBytes) * reserveStepBytes;
    await this.#reservation?.extendTo(steps);
  }

  /** Bytes are in the file: hash them, so that the hash state is always that of the file, and tell the readers. */
  #advance(written: number): void {
    let rest = written - this.#written;
    while (rest > 0) {
      const chunk = this.#unhashed.shift();
      if (!chunk) throw new Error("more bytes written than appended");
      const part = chunk.subarray(0, rest);
      this.#hash.update(part);
      this.#recent.push(part);
      if (chunk.length > rest) this.#unhashed.unshift(chunk.subarray(rest));
      rest -= part.length;
    }
    this.#written = written;
    this.wake();
  }

  #verify(): void {
    const { upstream, digest } = this.request;
    if (!hashIs(this.#hash, digest)) {
      this.#ports.observer.verifyFailed(upstream.name);
      throw new BodyBroken("digest-mismatch", "the upstream's bytes do not have the digest asked for");
    }
    this.#size = this.#written;
    this.#phase = "verified";
    this.wake();
  }

  /** Verified bytes that cannot be kept are still right for those who read them now. */
  async #commit(): Promise<void> {
    const { upstream, repository, digest } = this.request;
    try {
      await this.#staging?.commit(digest);
      if (await this.#ports.record(upstream.name, repository, digest, this.#written)) this.#phase = "stored";
      else await this.#ports.store.remove(digest);
    } catch (error) {
      // Whatever it was, those who read now have verified bytes: it must not break them.
      this.#ports.observer.uncached(uncachedReason(error) ?? "io");
    } finally {
      this.#reservation?.release();
    }
  }

  /** What was appended before is in the file and in the hash, or never will be, when the readers go on by themselves. */
  async #detach(reason: UncachedReason): Promise<void> {
    await this.#staging?.flush().catch(() => undefined);
    this.#phase = "detached";
    this.#ports.observer.uncached(reason);
    this.wake();
  }

  /** The run ended early: readers of this run end short; what is in the file stays for another run unless it is wrong. */
  async #endRun(run: Run, error: unknown): Promise<void> {
    run.controller.abort(error);
    await this.#staging?.flush().catch(() => undefined);
    const isWrong = error instanceof BodyBroken || error instanceof RegistryError || contradictsPart(error);
    run.error = error instanceof BodyBroken ? error : new BodyBroken("transport", "the upstream broke off", error);
    this.#phase = isWrong || this.#written === 0 ? "failed" : "paused";
    this.#recent.clear();
    this.wake();
  }
}

/**
 * The upstream answered that the part cannot be continued as it is (another length, no such range): to keep it would let
 * every later request fail in the same way.
 */
function contradictsPart(error: unknown): boolean {
  return error instanceof UpstreamError && error.kind === "bad-response" && [200, 206, 416].includes(error.status ?? 0);
}

function tooLarge(size: number | undefined, settings: FlightSettings): RegistryError {
  return new RegistryError("DENIED", "the blob is larger than limits.maxBlobSize", {
    detail: { size, maxBlobSizeBytes: settings.maxBlobSizeBytes },
  });
}
