import { LRUCache } from "lru-cache";
import type { BlobStore } from "../blobstore/index.ts";
import type { Metadata } from "../metadata/index.ts";
import { digestAlgorithm, digestOf, RegistryError, type Digest } from "../oci/index.ts";
import { UpstreamError } from "../upstream/index.ts";
import type { AnswerOutcome, BlobAnswer, RangeUnsatisfiable } from "./answers.ts";
import { BodyBroken } from "./broken.ts";
import { within, type Clock } from "./clock.ts";
import { FlightReader } from "./flight-reader.ts";
import { BlobAbsent, type Flight, type FlightObserver, type FlightRequest } from "./flight.ts";
import type { Flights, Seat } from "./flights.ts";
import type { OnLost } from "./manifest-store.ts";
import type { Membership } from "./membership.ts";
import type { Memory } from "./memory.ts";
import type { Negatives } from "./negatives.ts";
import { spanOf, type ByteRange, type Span } from "./ranges.ts";
import { createFileReader, createMemoryReader, type BlobReader } from "./reader.ts";
import { askUpstream, clientError, sourceKey, waitFor, type Source } from "./source.ts";
import { UncachedStream } from "./uncached-stream.ts";

/** Up to this size the digest is checked before our header goes out, so that wrong bytes are a real status. */
const checkedFirstBytes = 1024 * 1024;
/** How long a client that resumes waits for the upstream before it is told to come back. */
const resumeWithinMs = 5000;
/** The share of a blob that must have been asked for in parts before it is filled as a whole. */
const fillShare = 0.25;

export interface BlobPorts {
  store: BlobStore;
  index: Metadata;
  membership: Membership;
  negatives: Negatives;
  memory: Memory;
  flights: Flights;
  clock: Clock;
  observer: FlightObserver;
  onLost: OnLost;
}

export interface BlobRequest {
  source: Source;
  digest: Digest;
  /** For a GET; undefined for the whole blob. */
  range: ByteRange | undefined;
}

/** Blobs: from memory or disk; else from a shared flight; else, for a part far from where a flight is, straight from the upstream. */
export class Blobs {
  readonly #ports: BlobPorts;
  /** Bytes asked for in parts, of blobs that no flight fills. */
  readonly #askedBytes = new LRUCache<string, number>({ max: 10_000 });

  constructor(ports: BlobPorts) {
    this.#ports = ports;
  }

  async head({ source, digest }: BlobRequest): Promise<BlobAnswer> {
    const { index, membership, negatives, flights } = this.#ports;
    this.#refuseManifest(source, digest);
    const row = index.blob(digest);
    if (row?.state === "present" && row.size !== undefined) {
      await this.#requireMember(source, digest, "a copy is stored, but this repository is not known to hold it");
      return headAnswer("hit", digest, row.size);
    }
    const claimed = index.claimedSize(source.key, digest);
    const size = flights.get(source.key.upstream, digest)?.size ?? claimed;
    if (size !== undefined && membership.isKnown(source, digest)) return headAnswer("hit", digest, size);
    if (negatives.has(sourceKey(source, `blob ${digest}`))) throw blobUnknown(source, digest);
    return headAnswer("uncached", digest, await this.#askSize(source, digest));
  }

  /** The answer's reader must be closed. `RangeUnsatisfiable` is a value: the blob is there, the range is not. */
  async get(request: BlobRequest): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { source, digest, range } = request;
    this.#refuseManifest(source, digest);
    const stored = await this.#stored(source, digest);
    if (stored) {
      const answer = this.#answer("hit", request, stored.size, () => stored.reader);
      if (answer.outcome === "unsatisfiable") await stored.reader.close();
      return answer;
    }
    if (this.#ports.negatives.has(sourceKey(source, `blob ${digest}`))) throw blobUnknown(source, digest);
    if (range && !this.#isForFlight(request, range)) return this.#passPart(request, range);
    return this.#fly(request);
  }

  /** containerd falls back to `/blobs/` for a manifest and then trusts the type it is given. */
  #refuseManifest(source: Source, digest: Digest): void {
    const { index } = this.#ports;
    if (index.manifest(digest) && !index.isNamedAsBlob(digest)) throw blobUnknown(source, digest);
  }

  async #requireMember(source: Source, digest: Digest, cached?: string): Promise<void> {
    const holds = await waitFor(source, this.#ports.membership.holdsBlob(source, digest)).catch((error: unknown) => {
      throw clientError(error, cached);
    });
    if (holds) return;
    this.#ports.negatives.add(sourceKey(source, `blob ${digest}`), source.tags.absentForMs);
    throw blobUnknown(source, digest);
  }

  async #askSize(source: Source, digest: Digest): Promise<number> {
    await this.#requireMember(source, digest);
    const size = this.#ports.index.blob(digest)?.size;
    if (size === undefined) {
      throw new RegistryError("BAD_UPSTREAM", `${source.key.upstream} does not say how long the blob is`);
    }
    return size;
  }

  async #stored(source: Source, digest: Digest): Promise<{ size: number; reader: BlobReader } | undefined> {
    const { index, memory, store, clock } = this.#ports;
    const row = index.blob(digest);
    if (row?.state !== "present" || row.size === undefined) return undefined;
    await this.#requireMember(source, digest, "a copy is stored, but this repository is not known to hold it");
    index.touch(digest, clock.now());
    if (memory.fits(row.size)) {
      const hot = memory.get(digest) ?? (await this.#heat(digest));
      if (hot) return { size: hot.length, reader: createMemoryReader(hot) };
    } else {
      const file = await store.open(digest);
      if (file?.size === row.size) return { size: row.size, reader: createFileReader(file) };
      await file?.close();
    }
    await this.#ports.onLost(digest);
    return undefined;
  }

  /** A small blob comes into memory, and its hash is checked on the way. */
  async #heat(digest: Digest): Promise<Buffer | undefined> {
    const { store, memory } = this.#ports;
    const bytes = await store.readAll(digest);
    if (!bytes || digestOf(bytes, digestAlgorithm(digest)) !== digest) return undefined;
    memory.set(digest, bytes);
    return bytes;
  }

  /** Whether a part is served from a flight: it begins at 0, so that it starts one, or it is near a running or kept one. */
  #isForFlight({ source, digest }: BlobRequest, range: ByteRange): boolean {
    const { flights, index } = this.#ports;
    const { upstream } = source.key;
    const first = range.kind === "from" ? range.first : undefined;
    if (first === 0) return true;
    const flight = flights.get(upstream, digest);
    const size = flight?.size ?? index.claimedSize(source.key, digest);
    if (flight && size !== undefined) return flight.isNear(first ?? spanOf(range, size)?.start ?? size);
    if (!flights.hasMismatched(upstream, digest)) return false;
    // Whoever resumes holds the beginning of wrong bytes: more of them would not help.
    throw new RegistryError("BAD_UPSTREAM", "the last download had the wrong bytes", { detail: { upstream } });
  }

  /** A part by its own request to the upstream, kept nowhere. */
  async #passPart(request: BlobRequest, range: ByteRange): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { source, digest } = request;
    const { index, flights } = this.#ports;
    await this.#requireMember(source, digest);
    const claimed = flights.get(source.key.upstream, digest)?.size ?? index.claimedSize(source.key, digest);
    const size = claimed ?? (await this.#askSize(source, digest));
    const span = spanOf(range, size);
    if (!span) return { outcome: "unsatisfiable", size };
    const seat = this.#sponsor(request, span, size);
    try {
      const reader = await this.#openPart(request, span, () => seat?.leave());
      this.#ports.observer.uncached("range");
      return { outcome: "uncached", digest, size, ...span, isPartial: true, reader };
    } catch (error) {
      seat?.leave();
      throw clientError(error);
    }
  }

  async #openPart({ source, digest }: BlobRequest, span: Span, onClose: () => void): Promise<BlobReader> {
    const controller = new AbortController();
    const range = { from: span.start, to: span.end - 1 };
    const asked = askUpstream(this.#ports.clock, source, ({ signal }) =>
      source.upstream.openBlob(source.key.name, digest, range, {
        signal: AbortSignal.any([signal, controller.signal]),
      }),
    );
    const body = await waitFor(source, asked);
    if (!body) throw this.#absent(source, digest);
    const stream = new UncachedStream({ digest, chunks: body.chunks, ...span, hash: undefined });
    return closing(stream, () => {
      controller.abort();
      onClose();
    });
  }

  /** Once enough of a blob has been asked for in parts, the whole of it is filled for those that come next. */
  #sponsor({ source, digest }: BlobRequest, span: Span, size: number): Seat | undefined {
    const key = sourceKey(source, digest);
    const asked = (this.#askedBytes.get(key) ?? 0) + span.end - span.start;
    this.#askedBytes.set(key, asked);
    if (asked < size * fillShare) return undefined;
    const seat = this.#ports.flights.join(this.#flightRequest(source, digest));
    seat.flight.run.opened.catch(() => undefined);
    return seat;
  }

  #flightRequest(source: Source, digest: Digest): FlightRequest {
    return {
      upstream: source.upstream,
      repository: source.key.name,
      digest,
      claimedSize: this.#ports.index.claimedSize(source.key, digest),
      settings: source.limits,
    };
  }

  async #fly(request: BlobRequest): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { source, digest } = request;
    const { flights } = this.#ports;
    const running = flights.get(source.key.upstream, digest);
    if (running && running.request.repository !== source.key.name) await this.#requireMember(source, digest);
    const seat = flights.join(this.#flightRequest(source, digest));
    try {
      await this.#opened(request, seat);
      return await this.#seated(request, seat);
    } catch (error) {
      seat.leave();
      const isOwn = seat.isLeader || seat.flight.request.repository === source.key.name;
      if (isOwn || seat.flight.written > 0) throw error;
    }
    // It failed for another repository, before its first byte: that says nothing of this one.
    await seat.ended;
    return this.#fly(request);
  }

  /** Waits for the upstream's header. What fails before the first byte is a real status, and only for its own repository. */
  async #opened(request: BlobRequest, seat: Seat): Promise<void> {
    const { source, digest, range } = request;
    const { flight } = seat;
    const isResuming = seat.isResumed && range?.kind === "from" && range.first > 0;
    try {
      const opened = waitFor(source, flight.run.opened);
      const inTime = isResuming ? await within(this.#ports.clock, resumeWithinMs, opened) : await opened;
      if (inTime !== "late") return;
    } catch (error) {
      if (error instanceof BlobAbsent) throw this.#absent(source, digest);
      if (!isResuming) throw clientError(error);
    }
    throw new RegistryError("UNAVAILABLE", "the download broke off and cannot go on yet", {
      retryAfter: 1,
      detail: { upstream: source.key.upstream },
    });
  }

  async #seated(request: BlobRequest, seat: Seat): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { flight } = seat;
    const isSmall = flight.size === undefined || flight.size <= checkedFirstBytes;
    if (isSmall) await verified(flight, request.source);
    const { size } = flight;
    if (size === undefined)
      throw new RegistryError("BAD_UPSTREAM", "a blob of unknown length cannot be stored, so it cannot be served");
    const outcome = flight.phase === "detached" ? "uncached" : seat.isLeader ? "filled" : "collapsed";
    const answer = this.#answer(outcome, request, size, (span) => {
      const isWhole = span.start === 0 && span.end === size;
      return new FlightReader(flight, { end: span.end, isWhole, onClose: () => seat.leave() });
    });
    if (answer.outcome === "unsatisfiable") seat.leave();
    return isSmall && flight.phase === "detached" && answer.outcome !== "unsatisfiable" ? checkedFirst(answer) : answer;
  }

  #answer(
    outcome: AnswerOutcome,
    { digest, range }: BlobRequest,
    size: number,
    open: (span: Span) => BlobReader,
  ): BlobAnswer | RangeUnsatisfiable {
    const span = range ? spanOf(range, size) : { start: 0, end: size };
    if (!span) return { outcome: "unsatisfiable", size };
    return { outcome, digest, size, ...span, isPartial: range !== undefined, reader: open(span) };
  }

  #absent(source: Source, digest: Digest): RegistryError {
    this.#ports.negatives.add(sourceKey(source, `blob ${digest}`), source.tags.absentForMs);
    return blobUnknown(source, digest);
  }
}

function headAnswer(outcome: AnswerOutcome, digest: Digest, size: number): BlobAnswer {
  return { outcome, digest, size, start: 0, end: size, isPartial: false, reader: undefined };
}

/** Waits until the flight has checked its bytes, or cannot store them. */
async function verified(flight: Flight, source: Source): Promise<void> {
  const { run } = flight;
  while (!run.error && (flight.phase === "opening" || flight.phase === "running")) await flight.changed();
  if (!run.error) return;
  if (run.error.cause instanceof UpstreamError) throw clientError(run.error.cause);
  throw new RegistryError("BAD_UPSTREAM", run.error.message, {
    detail: { upstream: source.key.upstream, reason: run.error.kind },
    cause: run.error,
  });
}

/** A small body that cannot be stored is still checked before our header goes out. */
async function checkedFirst(answer: BlobAnswer): Promise<BlobAnswer> {
  const { reader, start, end, outcome } = answer;
  if (!reader) return answer;
  const bytes = Buffer.alloc(end - start);
  try {
    for (let done = 0; done < bytes.length;) {
      const count = await reader.read(bytes.subarray(done), start + done, bytes.length - done);
      if (count === 0) throw new BodyBroken("length-mismatch", "the body ended early");
      done += count;
    }
  } catch (error) {
    if (!(error instanceof BodyBroken)) throw clientError(error);
    throw new RegistryError("BAD_UPSTREAM", error.message, { cause: error });
  } finally {
    await reader.close();
  }
  return { ...answer, outcome, reader: offset(createMemoryReader(bytes), start) };
}

function offset(reader: BlobReader, by: number): BlobReader {
  return {
    read: (buffer, position, length) => reader.read(buffer, position - by, length),
    close: () => reader.close(),
  };
}

function closing(reader: BlobReader, onClose: () => void): BlobReader {
  return {
    read: (buffer, position, length) => reader.read(buffer, position, length),
    async close() {
      onClose();
      await reader.close();
    },
  };
}

function blobUnknown(source: Source, digest: Digest): RegistryError {
  const { upstream, name } = source.key;
  return new RegistryError("BLOB_UNKNOWN", `${upstream}/${name} has no such blob`, {
    detail: { upstream, repository: name, digest },
  });
}
