import { LRUCache } from "lru-cache";
import type { Metadata } from "../../metadata/index.ts";
import { RegistryError, type Digest } from "../../oci/index.ts";
import type { BlobAnswer, BlobRequest, RangeUnsatisfiable } from "../answers.ts";
import type { BlobAccess } from "./blob-access.ts";
import type { BlobFills } from "./blob-fills.ts";
import type { Clock } from "../clock.ts";
import type { Flights, Seat } from "../flights/flights.ts";
import { untilLeft } from "../leaving.ts";
import type { CacheObserver } from "../observer.ts";
import { spanOf, type ByteRange, type Span } from "./ranges.ts";
import type { BlobReader } from "./reader.ts";
import { askUpstream, clientError, sourceKey, waitFor, type Source } from "../source.ts";
import { UncachedStream } from "../flights/uncached-stream.ts";

/** The share of a blob that must have been asked for in parts before it is filled as a whole. */
const fillShare = 0.25;

export interface BlobPartsPorts {
  index: Metadata;
  access: BlobAccess;
  fills: BlobFills;
  flights: Flights;
  clock: Clock;
  observer: CacheObserver;
}

/** Parts that no flight is near: each by its own ranged request to the upstream, kept nowhere. */
export class BlobParts {
  readonly #ports: BlobPartsPorts;
  /** Bytes asked for in parts, of blobs that no flight fills. */
  readonly #askedBytes = new LRUCache<string, number>({ max: 10_000 });

  constructor(ports: BlobPartsPorts) {
    this.#ports = ports;
  }

  /** Whether a part is better served by a flight: it begins at 0, so that it starts one, or it is near a running or kept one. */
  isForFlight({ source, digest }: BlobRequest, range: ByteRange): boolean {
    const { upstream } = source.key;
    const first = range.kind === "from" ? range.first : undefined;
    if (first === 0) return true;
    const flight = this.#ports.flights.get(upstream, digest);
    const size = this.#knownSize(source, digest);
    if (flight && size !== undefined) return flight.isNear(first ?? spanOf(range, size)?.start ?? size);
    if (!this.#ports.flights.hasMismatched(upstream, digest)) return false;
    // Whoever resumes holds the beginning of wrong bytes: more of them would not help.
    throw new RegistryError("BAD_UPSTREAM", "the last download had the wrong bytes", { detail: { upstream } });
  }

  /** Undefined where the part turns out to be the whole blob, which is not served unchecked. */
  async answer(request: BlobRequest, range: ByteRange): Promise<BlobAnswer | RangeUnsatisfiable | undefined> {
    const { source, digest, signal } = request;
    const { access, observer } = this.#ports;
    await access.require(source, digest);
    const size = this.#knownSize(source, digest) ?? (await access.askSize(source, digest));
    const span = spanOf(range, size);
    if (!span) return { outcome: "unsatisfiable", size };
    if (span.start === 0) return undefined;
    const seat = this.#sponsor(request, span, size);
    try {
      const opened = await untilLeft(
        signal,
        this.#open(request, span, () => seat?.leave()),
      );
      observer.uncached("range");
      return { outcome: "uncached", digest, size, ...span, isPartial: true, ...opened };
    } catch (error) {
      seat?.leave();
      throw clientError(error);
    }
  }

  #knownSize(source: Source, digest: Digest): number | undefined {
    const { flights, index } = this.#ports;
    return flights.get(source.key.upstream, digest)?.size ?? index.claimedSize(source.key, digest);
  }

  async #open(
    { source, digest, signal: left }: BlobRequest,
    span: Span,
    onClose: () => void,
  ): Promise<{ reader: BlobReader; hops: string | undefined }> {
    const controller = new AbortController();
    const range = { from: span.start, to: span.end - 1 };
    const asked = askUpstream(this.#ports.clock, source, (options) => {
      const signal = AbortSignal.any([options.signal, left, controller.signal]);
      return source.upstream.openBlob(source.key.name, digest, range, { ...options, signal });
    });
    const body = await waitFor(source, asked);
    if (!body) throw this.#ports.access.absent(source, digest);
    const stream = new UncachedStream({ digest, chunks: body.chunks, ...span, hash: undefined });
    const reader: BlobReader = {
      read: (buffer, position, length) => stream.read(buffer, position, length),
      async close() {
        const closed = stream.close();
        controller.abort();
        onClose();
        await closed.catch(() => undefined);
      },
    };
    return { reader, hops: body.hops };
  }

  /** Once enough of a blob has been asked for in parts, the whole of it is filled for those that come next. */
  #sponsor({ source, digest }: BlobRequest, span: Span, size: number): Seat | undefined {
    const key = sourceKey(source, digest);
    const asked = (this.#askedBytes.get(key) ?? 0) + span.end - span.start;
    const isEnough = asked >= size * fillShare;
    // Where the fill comes to nothing, as on a full disk, it takes much more asking until it is tried again.
    this.#askedBytes.set(key, isEnough ? -4 * size : asked);
    return isEnough ? this.#ports.fills.join(source, digest) : undefined;
  }
}
