import type { BlobStore } from "../../blobstore/index.ts";
import type { Reservation } from "../../eviction/index.ts";
import { RegistryError, type Digest, type RepositoryName } from "../../oci/index.ts";
import { UpstreamError, type Upstream } from "../../upstream/index.ts";
import { BodyBroken } from "../broken.ts";
import type { Clock } from "../clock.ts";
import { uncachedReason, type CacheObserver, type UncachedReason } from "../observer.ts";
import type { Span } from "../blobs/ranges.ts";
import { Part } from "./part.ts";
import { askUpstream, type Source, type SourceLimits } from "../source.ts";
import { Relay, type RelayReader } from "./relay.ts";
import { UncachedStream } from "./uncached-stream.ts";

/** Reserved at once while the size is not known. */
const reserveStepBytes = 4 * 1024 * 1024;

/** What a flight needs from the rooms below, and whom it tells. */
export interface FlightPorts {
  store: BlobStore;
  /** @throws BudgetExceeded */
  reserve: (bytes: number) => Promise<Reservation>;
  clock: Clock;
  /** Somebody needs this digest and the images it belongs to; the returned function gives it back. */
  hold: (digest: Digest) => () => void;
  /** The file is committed: make it a hit. Resolves when that is durable, cannot be done, or nobody knows which of the two. */
  record: (
    upstream: string,
    repository: RepositoryName,
    digest: Digest,
    size: number,
  ) => Promise<"recorded" | "refused" | "unknown">;
  /** Bytes are stored that were reserved before. */
  settled: () => void;
  observer: CacheObserver;
}

export interface FlightRequest {
  /** The repository through which the blob is fetched, and the request that waits for it. */
  source: Source;
  digest: Digest;
  /** The size a manifest claims; used where the upstream states none. */
  claimedSize: number | undefined;
}

/**
 * `verified`: the digest is right, the file is not a hit yet. `paused`: keeps its part and can go on.
 * `detached`: could not be stored, its readers go on by themselves. `failed`: nothing of it is worth keeping.
 */
export type FlightPhase = "opening" | "running" | "verified" | "stored" | "paused" | "detached" | "failed";

/** One attempt to bring the rest of the blob; a reader belongs to the run it joined. */
export interface Run {
  /** Who asked first: the run goes through this repository. */
  request: FlightRequest;
  /** Whether it began with bytes that an earlier run had left. */
  isResumed: boolean;
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
  readonly digest: Digest;
  readonly #ports: FlightPorts;
  readonly #waiting = new Set<() => void>();
  readonly #part: Part;
  readonly #giveBack: () => void;
  #reservation: Reservation | undefined;
  #spare: { chunks: AsyncIterable<Buffer>; from: number } | undefined;
  #relay: Relay | undefined;
  #phase: FlightPhase = "opening";
  #size: number | undefined;
  #hops: string | undefined;
  #startedAt = 0;
  #startedFrom = 0;
  #ended: Promise<void> = Promise.resolve();
  /** Those who have a seat. */
  readonly seated = new Set<FlightRequest>();
  /** Why it could not be stored; undefined as long as nothing is known to be in the way. */
  unstoredBecause: UncachedReason | undefined;
  run!: Run;

  constructor(digest: Digest, ports: FlightPorts) {
    this.digest = digest;
    this.#ports = ports;
    this.#giveBack = ports.hold(digest);
    this.#part = new Part(digest, () => {
      this.#reservation?.wrote(this.#part.written);
      this.wake();
    });
  }

  get phase(): FlightPhase {
    return this.#phase;
  }

  /** Length of the blob in bytes: stated by the upstream, or claimed by a manifest; exact once verified. */
  get size(): number | undefined {
    return this.#size;
  }

  /** When the last run began, in ms since the epoch. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** Members of Cache-Status of the caches that the latest run comes through. */
  get hops(): string | undefined {
    return this.#hops;
  }

  /** Bytes in the part. */
  get written(): number {
    return this.#part.written;
  }

  /**
   * Bytes that may be handed out: all but the last until the digest is known to be right (promise P1). Readers of a
   * detached flight hold back the last byte of what they fetch by themselves.
   */
  get available(): number {
    if (this.#phase === "verified" || this.#phase === "stored" || this.#phase === "detached") return this.written;
    return Math.min(this.written, (this.#size ?? Number.POSITIVE_INFINITY) - 1);
  }

  /** Whether a reader that starts at `position` is better served here than by a request of its own. */
  isNear(position: number): boolean {
    const seconds = (this.#ports.clock.now() - this.#startedAt) / 1000;
    const rate = seconds > 0 ? (this.written - this.#startedFrom) / seconds : 0;
    return position <= this.written + Math.max(64 * 1024 * 1024, 5 * rate);
  }

  /** Starts, or goes on after a pause. Resolves when the run has ended, whatever its end. */
  start(request: FlightRequest): Promise<void> {
    const opened = Promise.withResolvers<undefined>();
    opened.promise.catch(() => undefined);
    const controller = new AbortController();
    const run: Run = { request, isResumed: this.written > 0, opened: opened.promise, controller, error: undefined };
    this.run = run;
    this.#startedAt = this.#ports.clock.now();
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

  read(buffer: Buffer, position: number, length: number): Promise<number> {
    return this.#part.read(buffer, position, Math.min(length, this.available - position));
  }

  /** Whether a reader from the beginning gets all of it here: from the part, and behind it from what the readers share. */
  get isFollowable(): boolean {
    return this.#phase === "detached" && this.#relay?.reaches(this.written) === true;
  }

  /** For a reader of a detached flight: what comes behind the part, shared with the others; undefined where it has gone by. */
  follow(position: number, end: number, isWhole: boolean): RelayReader | undefined {
    return this.#relay?.attach(position, end, isWhole);
  }

  /**
   * For a reader of a detached flight that cannot follow: the rest by a request of its own, through its own repository.
   * @param hash - Of everything before it, for a whole blob; that of the part by default.
   * @throws BodyBroken
   */
  async openRest(
    source: Source,
    span: Span,
    isWhole: boolean,
    signal: AbortSignal,
    hash = this.#part.copyHash(),
  ): Promise<UncachedStream> {
    const { digest } = this;
    const chunks = await openChunks(source, digest, span, isWhole, signal);
    return new UncachedStream({ digest, chunks, ...span, hash: isWhole ? hash : undefined });
  }

  /** Closes the file, and removes it unless it was committed; gives back what was reserved. */
  async close(): Promise<void> {
    this.run.controller.abort(new Cancelled("closed"));
    await this.#ended;
    this.#giveBack();
    this.#reservation?.release();
    await this.#relay?.close();
    const spare = this.#spare;
    this.#spare = undefined;
    await spare?.chunks[Symbol.asyncIterator]().return?.();
    await this.#part.close();
  }

  /** What was opened before it was known that nothing can be stored; else another request from the end of the part on. */
  async #openBehindPart(run: Run): Promise<AsyncIterable<Buffer>> {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare?.from === this.written) return spare.chunks;
    const span = { start: this.written, end: this.#size ?? Number.POSITIVE_INFINITY };
    return openChunks(this.#presentSource(run), this.digest, span, true, run.controller.signal);
  }

  /** A client's credential is used as long as that client waits; then that of another one who does. */
  #presentSource({ request }: Run): Source {
    if (request.source.viewerId === undefined || this.seated.has(request)) return request.source;
    const [other = request] = this.seated;
    return other.source;
  }

  async #fly(run: Run, opened: () => void): Promise<void> {
    // The run that this one was to replace has brought everything after all.
    if (this.#phase === "verified" || this.#phase === "stored") {
      opened();
      return;
    }
    if (this.#phase === "failed") throw new BodyBroken("transport", "the run before has brought wrong bytes");
    this.#phase = "opening";
    this.#startedAt = this.#ports.clock.now();
    try {
      // What an earlier run appended must be in the file and in the hash before the offset is asked for.
      await this.#part.flush();
      this.#startedFrom = this.written;
      const chunks = await this.#open(run);
      await this.#prepare(chunks);
      this.#phase = "running";
      opened();
      this.wake();
      await this.#fill(run, chunks);
    } catch (error) {
      await this.#part.flush().catch(() => undefined);
      const reason = uncachedReason(error);
      if (reason) this.#detach(run, reason);
      // A stated length may be wrong, and a disk may fail behind the last byte: what has the digest is the blob.
      else if (this.written === 0 || !this.#part.isRight()) throw error;
      opened();
      if (reason) return;
    }
    this.#verify();
    await this.#commit(run);
  }

  async #open(run: Run): Promise<AsyncIterable<Buffer>> {
    const { source, claimedSize } = run.request;
    const { key, limits } = source;
    const body = await askUpstream(this.#ports.clock, source, (options) => {
      const signal = AbortSignal.any([options.signal, run.controller.signal]);
      const resumeAs = (): Through => throughOf(this.#presentSource(run));
      return source.upstream.openBlob(key.name, this.digest, { from: this.written }, { ...options, signal, resumeAs });
    });
    if (!body) throw new BlobAbsent(this.digest);
    if (this.written > 0 && body.size !== undefined && this.#size !== undefined && body.size !== this.#size) {
      throw new UpstreamError("bad-response", "the blob's length has changed", { upstream: key.upstream, status: 200 });
    }
    this.#hops = body.hops;
    this.#size = body.size ?? this.#size ?? claimedSize;
    if ((this.#size ?? 0) > limits.maxBlobSizeBytes) throw tooLarge(this.#size, limits);
    return body.chunks;
  }

  /** Space and a file for the bytes. What has been opened already is left to the first reader if there is neither. */
  async #prepare(chunks: AsyncIterable<Buffer>): Promise<void> {
    try {
      if (this.#part.hasFile) {
        await this.#reservation?.extendTo(this.#size ?? this.written);
        return;
      }
      this.#reservation ??= await this.#ports.reserve(this.#size ?? reserveStepBytes);
      await this.#part.open((onWritten) => this.#ports.store.stage(onWritten));
    } catch (error) {
      this.#spare = { chunks, from: this.written };
      throw error;
    }
  }

  async #fill(run: Run, chunks: AsyncIterable<Buffer>): Promise<void> {
    let appended = this.written;
    for await (const chunk of chunks) {
      appended += chunk.length;
      await this.#makeRoomFor(appended, run.request.source.limits);
      await this.#part.append(chunk);
    }
    await this.#part.flush();
  }

  async #makeRoomFor(bytes: number, limits: SourceLimits): Promise<void> {
    if (bytes > limits.maxBlobSizeBytes) throw tooLarge(bytes, limits);
    if (this.#size !== undefined && bytes <= this.#size) return;
    const steps = Math.ceil(bytes / reserveStepBytes) * reserveStepBytes;
    await this.#reservation?.extendTo(steps);
  }

  #verify(): void {
    if (!this.#part.isRight()) {
      this.#ports.observer.verifyFailed(this.run.request.source.key.upstream);
      throw new BodyBroken("digest-mismatch", "the upstream's bytes do not have the digest asked for");
    }
    this.#size = this.written;
    this.#phase = "verified";
    this.wake();
  }

  /** Verified bytes that cannot be kept are still right for those who read them now. */
  async #commit(run: Run): Promise<void> {
    const { upstream, name } = run.request.source.key;
    const { store } = this.#ports;
    try {
      await store.exclusively(this.digest, async () => {
        await this.#part.commit();
        const outcome = await this.#ports.record(upstream, name, this.digest, this.written);
        if (outcome === "refused") await store.remove(this.digest);
        if (outcome !== "recorded") return;
        this.#phase = "stored";
        this.#reservation?.release();
        this.#ports.settled();
      });
    } catch (error) {
      this.unstoredBecause = uncachedReason(error) ?? "io";
      this.#ports.observer.uncached(this.unstoredBecause);
    }
  }

  /** Nothing more can be stored: the readers follow a relay, unless all of it is there already. */
  #detach(run: Run, reason: UncachedReason): void {
    this.unstoredBecause = reason;
    this.#ports.observer.uncached(reason);
    const isWhole = this.written > 0 && this.#part.isRight();
    if (isWhole) this.#size = this.written;
    this.#phase = isWhole ? "verified" : "detached";
    if (!isWhole) {
      this.#relay = new Relay({
        digest: this.digest,
        open: () => this.#openBehindPart(run),
        start: this.written,
        hash: this.#part.copyHash(),
        clock: this.#ports.clock,
        onWrong: () => this.#ports.observer.verifyFailed(run.request.source.key.upstream),
      });
    }
    // The part is on the disk until its last reader has left.
    this.#reservation?.shrinkTo(this.written);
    this.wake();
  }

  /** The run ended early: readers of this run end short; what is in the file stays for another run unless it is wrong. */
  async #endRun(run: Run, error: unknown): Promise<void> {
    run.controller.abort(error);
    await this.#part.flush().catch(() => undefined);
    const isWrong = error instanceof BodyBroken || error instanceof RegistryError || contradictsPart(error);
    run.error = error instanceof BodyBroken ? error : new BodyBroken("transport", "the upstream broke off", error);
    this.#phase = isWrong || this.written === 0 ? "failed" : "paused";
    this.#reservation?.shrinkTo(this.written);
    this.#part.forgetRecent();
    this.wake();
  }
}

type Through = ReturnType<NonNullable<Parameters<Upstream["openBlob"]>[3]["resumeAs"]>>;

function throughOf({ upstream, key }: Source): Through {
  return { upstream, repository: key.name };
}

/** @throws BodyBroken */
async function openChunks(
  source: Source,
  digest: Digest,
  span: Span,
  isWhole: boolean,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const to = isWhole ? undefined : span.end - 1;
  const opening = source.upstream.openBlob(
    source.key.name,
    digest,
    { from: span.start, to },
    { signal, via: source.via },
  );
  const body = await opening.catch((error: unknown) => {
    throw new BodyBroken("transport", "the upstream cannot go on", error);
  });
  if (!body) throw new BodyBroken("transport", "the upstream no longer has the blob");
  return body.chunks;
}

/**
 * The upstream answered that the part cannot be continued as it is (another length, no such range): to keep it would let
 * every later request fail in the same way.
 */
function contradictsPart(error: unknown): boolean {
  return error instanceof UpstreamError && error.kind === "bad-response" && [200, 206, 416].includes(error.status ?? 0);
}

function tooLarge(size: number | undefined, limits: SourceLimits): RegistryError {
  return new RegistryError("DENIED", "the blob is larger than limits.maxBlobSize", {
    detail: { size, maxBlobSizeBytes: limits.maxBlobSizeBytes },
  });
}
