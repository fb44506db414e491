import type { Metadata } from "../../metadata/index.ts";
import { RegistryError, type Digest } from "../../oci/index.ts";
import { UpstreamError } from "../../upstream/index.ts";
import type { BlobAnswer, BlobRequest, RangeUnsatisfiable } from "../answers.ts";
import type { BlobAccess } from "./blob-access.ts";
import { BodyBroken } from "../broken.ts";
import { within, type Clock } from "../clock.ts";
import { FlightReader } from "../flights/flight-reader.ts";
import { BlobAbsent, type Flight, type FlightRequest, type Run } from "../flights/flight.ts";
import type { Flights, Seat } from "../flights/flights.ts";
import { untilLeft } from "../leaving.ts";
import { answerWith } from "./answer-with.ts";
import { createMemoryReader, type BlobReader } from "./reader.ts";
import { clientError, remainingMs, waitFor, type Source } from "../source.ts";

/** Up to this size the digest is checked before our header goes out, so that wrong bytes are a real status. */
const checkedFirstBytes = 1024 * 1024;
/** How long a client that resumes waits for the upstream before it is told to come back. */
const resumeWithinMs = 5000;

export interface BlobFillsPorts {
  index: Metadata;
  access: BlobAccess;
  flights: Flights;
  clock: Clock;
}

/** Answers from a shared flight: joins the one that runs, or starts it. */
export class BlobFills {
  readonly #ports: BlobFillsPorts;

  constructor(ports: BlobFillsPorts) {
    this.#ports = ports;
  }

  /**
   * Undefined where the caller must look again: a proof took its time, and the blob may be stored by now, or the flight
   * failed for another repository, which says nothing of this one.
   * @param isProven - Whether the repository has just been shown to hold the blob.
   */
  async answer(request: BlobRequest, isProven: boolean): Promise<BlobAnswer | RangeUnsatisfiable | undefined> {
    const { source, digest } = request;
    const running = this.#ports.flights.get(source.key.upstream, digest);
    if (running && !isProven && !isThrough(running.run, source)) {
      await this.#ports.access.require(source, digest);
      return undefined;
    }
    // Whoever asks for another part in the same moment is to find a flight: nothing is awaited that need not be.
    const begun = running ? this.join(source, digest) : this.#begin(request);
    const seat = begun instanceof Promise ? await begun : begun;
    const { run } = seat.flight;
    try {
      await untilLeft(request.signal, this.#opened(request, seat));
      return await untilLeft(request.signal, this.#seated(request, seat));
    } catch (error) {
      seat.leave();
      const hasLeft = error instanceof BodyBroken && error.kind === "closed";
      // What another repository lacks, or fails to begin with, says nothing of this one.
      const isOthers = !isThrough(run, source) && (seat.flight.written === 0 || error instanceof BlobAbsent);
      if (hasLeft || !isOthers) throw error;
    }
    const { clock } = this.#ports;
    const inTime = await untilLeft(request.signal, within(clock, remainingMs(clock, source), seat.ended));
    if (inTime === "late") throw tooLate(source);
    return undefined;
  }

  /** A flight of the client's own counts as its fill until it has ended, also when it has left. */
  #begin({ source, digest, signal, enterFill }: BlobRequest): Seat | Promise<Seat> {
    const take = (leave: () => void): Seat => {
      const seat = this.join(source, digest);
      if (seat.isLeader) seat.ended.then(leave, leave);
      else leave();
      return seat;
    };
    const entered = enterFill({ withinMs: remainingMs(this.#ports.clock, source), signal });
    if (!(entered instanceof Promise)) return take(entered);
    return entered.then(take, (error: unknown) => {
      throw signal.aborted ? new BodyBroken("closed", "the client has left") : error;
    });
  }

  /** A seat in the flight of this digest, whether or not anything is read from it. */
  join(source: Source, digest: Digest): Seat {
    const claimedSize = this.#ports.index.claimedSize(source.key, digest);
    const request: FlightRequest = { source, digest, claimedSize };
    return this.#ports.flights.join(request);
  }

  /** Waits for the upstream's header: what fails before the first byte is a real status. */
  async #opened({ source, digest, range }: BlobRequest, { flight }: Seat): Promise<void> {
    const { clock, access } = this.#ports;
    const { run } = flight;
    const isResuming = run.isResumed && range?.kind === "from" && range.first > 0;
    try {
      const opened = waitFor(source, run.opened);
      const inTime = isResuming ? await within(clock, resumeWithinMs, opened) : await opened;
      if (inTime !== "late") return;
    } catch (error) {
      if (error instanceof BlobAbsent) throw isThrough(run, source) ? access.absent(source, digest) : error;
      if (!isResuming) throw clientError(error);
    }
    throw new RegistryError("UNAVAILABLE", "the download broke off and cannot go on yet", {
      retryAfter: 1,
      detail: { upstream: source.key.upstream },
    });
  }

  async #seated(request: BlobRequest, seat: Seat): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { source } = request;
    const { flight } = seat;
    const isSmall = flight.size === undefined || flight.size <= checkedFirstBytes;
    await this.#readable(source, flight, isSmall);
    const size = flight.size ?? (await this.#ports.access.askSize(source, request.digest));
    const isUncached = flight.phase === "detached";
    const outcome = isUncached ? "uncached" : seat.isLeader ? "filled" : "collapsed";
    const answer = answerWith(request, outcome, size, (span) => {
      const isWhole = span.start === 0 && span.end === size;
      return new FlightReader(flight, { source, end: span.end, isWhole, onClose: () => seat.leave() });
    });
    if (answer.outcome === "unsatisfiable") {
      seat.leave();
      return answer;
    }
    const { hops } = flight;
    const mustCheck = isUncached && size <= checkedFirstBytes;
    return { ...(mustCheck ? await checkedFirst(answer, request, this.#ports.clock) : answer), hops };
  }

  /**
   * Waits for the first byte, and for a small blob until it has been checked, as long as `answerWithin` lasts. The fill
   * goes on behind an answer that came too late for it.
   */
  async #readable(source: Source, flight: Flight, isSmall: boolean): Promise<void> {
    const { run } = flight;
    const isReadable = async (): Promise<void> => {
      while (!run.error && (flight.phase === "opening" || flight.phase === "running")) {
        if (!isSmall && flight.available > 0) return;
        await flight.changed();
      }
    };
    const inTime = await within(this.#ports.clock, remainingMs(this.#ports.clock, source), isReadable());
    if (inTime === "late") {
      throw tooLate(source);
    }
    if (run.error) throw statusOf(run.error, source);
  }
}

/** Whether the run goes through the same repository, with the same credential. */
export function isThrough(run: Run, source: Source): boolean {
  const { key, viewerId } = run.request.source;
  return key.name === source.key.name && viewerId === source.viewerId;
}

function tooLate({ key: { upstream } }: Source): RegistryError {
  const words = "the upstream has not sent enough of the blob in time";
  return new RegistryError("UPSTREAM_TIMEOUT", words, { detail: { upstream } });
}

/** What broke a body off, as the status of an answer that has not begun. */
export function statusOf(error: BodyBroken, source: Source): unknown {
  if (error.cause instanceof UpstreamError) return clientError(error.cause);
  if (error.cause instanceof RegistryError) return error.cause;
  const detail = { upstream: source.key.upstream, reason: error.kind };
  return new RegistryError("BAD_UPSTREAM", error.message, { detail, cause: error });
}

/** A small body that cannot be stored is still checked before our header goes out. */
async function checkedFirst(answer: BlobAnswer, { source, signal }: BlobRequest, clock: Clock): Promise<BlobAnswer> {
  const { reader, start, end } = answer;
  if (!reader) return answer;
  const bytes = Buffer.alloc(end - start);
  const close = (): void => void reader.close().catch(() => undefined);
  signal.addEventListener("abort", close, { once: true });
  const cancel = clock.setTimer(remainingMs(clock, source), close);
  try {
    let done = 0;
    let count: number;
    // An empty body is read too: that is when its digest is checked.
    do {
      count = await reader.read(bytes.subarray(done), start + done, bytes.length - done);
      done += count;
    } while (count !== 0 && done < bytes.length);
    if (done < bytes.length) throw new BodyBroken("length-mismatch", "the body ended early");
  } catch (error) {
    if (!(error instanceof BodyBroken)) throw error;
    if (error.kind === "closed" || remainingMs(clock, source) === 0) throw signal.aborted ? error : tooLate(source);
    throw statusOf(error, source);
  } finally {
    cancel();
    signal.removeEventListener("abort", close);
    await reader.close();
  }
  return { ...answer, reader: shifted(createMemoryReader(bytes), start) };
}

function shifted(reader: BlobReader, by: number): BlobReader {
  return {
    read: (buffer, position, length) => reader.read(buffer, position - by, length),
    close: () => reader.close(),
  };
}
