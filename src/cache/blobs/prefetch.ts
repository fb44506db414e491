import { RegistryError, type Digest } from "../../oci/index.ts";
import { BlobAbsent, type Flight } from "../flights/flight.ts";
import type { Flights, Seat } from "../flights/flights.ts";
import type { Keeping } from "../keeping.ts";
import type { UncachedReason } from "../observer.ts";
import type { Source } from "../source.ts";
import type { BlobAccess } from "./blob-access.ts";
import { isThrough, statusOf, type BlobFills } from "./blob-fills.ts";
import type { StoredBlobs } from "./stored-blobs.ts";

export interface PrefetchOptions {
  /** Aborted to stop waiting: a fill that nobody else reads then ends after a while, and its part is kept for a while. */
  signal: AbortSignal;
  /** How many bytes of the blob are here; called often. */
  onBytes: (bytes: number) => void;
}

/** A blob that is stored now. `fetchedBytes` were fetched for it; undefined where it was here, or another request fetched it. */
export interface Prefetched {
  size: number;
  fetchedBytes: number | undefined;
}

export interface PrefetchPorts {
  access: BlobAccess;
  stored: StoredBlobs;
  fills: BlobFills;
  flights: Flights;
  eviction: Keeping;
}

/** @throws RegistryError; the reason of `signal` */
export async function prefetch(
  { source, digest, signal, onBytes }: PrefetchOptions & { source: Source; digest: Digest },
  { access, stored, fills, flights, eviction }: PrefetchPorts,
): Promise<Prefetched> {
  const isHere = await stored.isHere(digest);
  const running = flights.get(source.key.upstream, digest);
  const isOthers = running !== undefined && !isThrough(running.run, source);
  if (isHere || isOthers) await access.require(source, digest);
  signal.throwIfAborted();
  eviction.pulledBlob(digest);
  const size = isHere ? stored.sizeOf(digest) : undefined;
  if (size !== undefined) return { size, fetchedBytes: undefined };
  access.refuseAbsent(source, digest);
  const seat = fills.join(source, digest);
  const from = seat.flight.written;
  try {
    await ended(seat, signal, onBytes);
    const { flight } = seat;
    if (flight.phase !== "stored") throw failureOf(flight, source, access);
    return { size: flight.written, fetchedBytes: seat.isLeader ? flight.written - from : undefined };
  } finally {
    seat.leave();
  }
}

/** Waits for the end of the run, and tells how far it is meanwhile. @throws the reason of `signal` */
async function ended({ flight, ended }: Seat, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
  let isOver = false;
  const follow = async (): Promise<void> => {
    while (!isOver) {
      onBytes(flight.written);
      await flight.changed();
    }
  };
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    void follow();
    await Promise.race([ended, stopped.promise]);
  } finally {
    isOver = true;
    signal.removeEventListener("abort", stop);
  }
}

function failureOf({ digest, run, unstoredBecause = "io" }: Flight, source: Source, access: BlobAccess): unknown {
  if (!run.error) return new RegistryError("UNAVAILABLE", `the blob cannot be stored: ${words[unstoredBecause]}`);
  return run.error.cause instanceof BlobAbsent ? access.absent(source, digest) : statusOf(run.error, source);
}

const words: Readonly<Record<UncachedReason, string>> = {
  budget: "there is no room for it in storage.maxSize, besides what is pinned and in use",
  "no-space": "the disk is full",
  io: "the disk fails",
  database: "the index cannot be written",
  range: "it is passed on in parts",
};
