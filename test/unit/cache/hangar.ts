import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { BodyBroken } from "../../../src/cache/index.ts";
import { FlightReader } from "../../../src/cache/flights/flight-reader.ts";
import type { FlightRequest } from "../../../src/cache/flights/flight.ts";
import { Flights, type FlightsPorts, type Seat } from "../../../src/cache/flights/flights.ts";
import type { BlobReader } from "../../../src/cache/blobs/reader.ts";
import { Generations } from "../../../src/cache/generations.ts";
import { sourceOf } from "../../../src/cache/source.ts";
import { createBudget, type Budget } from "../../../src/eviction/index.ts";
import { digestOf, parseRepositoryName, type Digest, type RepositoryName } from "../../../src/oci/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";
import { FakeUpstream } from "./fake-upstream.ts";

const limits = { answerWithinMs: 20_000, maxBlobSizeBytes: 1024 ** 4 };
const tags = {
  freshForMs: 60_000,
  staleForMs: 3_600_000,
  staleAfterMs: 2000,
  absentForMs: 10_000,
  onGone: "drop",
  goneGraceMs: 600_000,
  onDenied: "refuse",
  cooldownMs: 0,
  cooldownMode: "enforce",
} as const;

export const abandoned = { lingerMs: 5000, keepForMs: 900_000 };

/** Flights over a real store, a fake upstream and a clock that the test moves. */
export interface Hangar {
  flights: Flights;
  upstream: FakeUpstream;
  clock: ManualClock;
  store: BlobStore;
  budget: Budget;
  ports: FlightsPorts;
  /** `<repository> <digest>` of what became a hit. */
  recorded: string[];
  /** Upstreams whose bytes were wrong, and reasons why something was not kept. */
  noticed: string[];
  staging: () => Promise<string[]>;
  request: (digest: Digest, repository?: string, claimedSize?: number) => FlightRequest;
}

export async function openHangar(
  override: (ports: FlightsPorts) => Partial<FlightsPorts> = () => ({}),
  maxBytes = 1024 ** 3,
): Promise<Hangar> {
  const directory = await temporaryDirectory();
  const store = await openBlobStore({ directory, bootId: "test" });
  let storedBytes = 0;
  const budget = await createBudget({
    maxSize: { kind: "bytes", bytes: maxBytes },
    minFree: { kind: "bytes", bytes: 0 },
    storedBytes: () => storedBytes,
    space: () => Promise.resolve({ availableBytes: 1e12, totalBytes: 1e12 }),
    makeRoom: () => Promise.resolve(false),
  });
  const clock = new ManualClock();
  const upstream = new FakeUpstream();
  const recorded: string[] = [];
  const noticed: string[] = [];
  const plain: FlightsPorts = {
    store,
    budget,
    hold: () => () => undefined,
    clock,
    record(_, name, digest, size) {
      storedBytes += size;
      recorded.push(`${name} ${digest}`);
      return Promise.resolve("recorded" as const);
    },
    settled: () => undefined,
    observer: {
      verifyFailed: (name) => noticed.push(name),
      uncached: (reason) => noticed.push(reason),
      corrupt: (digest) => noticed.push(digest),
      tagCooling: ({ tag }) => noticed.push(`cooling: ${tag}`),
      setAside: (isSetAside) => noticed.push(`set aside: ${String(isSetAside)}`),
    },
  };
  const ports = { ...plain, ...override(plain) };
  const flights = new Flights(ports, abandoned);
  onTestFinished(async () => {
    await flights.close();
    await store.close();
  });
  return {
    flights,
    upstream,
    clock,
    store,
    budget,
    ports,
    recorded,
    noticed,
    staging: () => readdir(join(directory, "ingest")),
    request: (of, name = "library/demo", claimedSize) => ({
      source: sourceOf(
        { upstream, tags, tagPatterns: [], limits },
        { repository: repositoryOf(name), trace: { upstreamMs: 0 } },
        { now: clock.now(), mark: (key) => new Generations().mark(key) },
      ),
      digest: of,
      claimedSize,
    }),
  };
}

export function repositoryOf(name: string): RepositoryName {
  const repository = parseRepositoryName(name);
  if (!repository) throw new Error(`${name} is no repository name`);
  return repository;
}

/** A client that reads the whole blob from its seat; leaves at the end, whatever the end. */
export function readerAt(seat: Seat, size: number, start = 0, end = size): BlobReader {
  const isWhole = start === 0 && end === size;
  const { source } = seat.flight.run.request;
  return new FlightReader(seat.flight, { source, end, isWhole, onClose: () => seat.leave() });
}

export interface Received {
  bytes: Buffer;
  /** Whether all the announced bytes came. */
  isWhole: boolean;
  broken: BodyBroken | undefined;
}

/** Reads as the registry does: until the end, or until the reader breaks off. */
export async function receive(reader: BlobReader, size: number, start = 0, bufferBytes = 64 * 1024): Promise<Received> {
  const parts: Buffer[] = [];
  const buffer = Buffer.alloc(bufferBytes);
  let position = start;
  let broken: BodyBroken | undefined;
  try {
    while (position < size) {
      const count = await reader.read(buffer, position, Math.min(buffer.length, size - position));
      if (count === 0) break;
      parts.push(Buffer.from(buffer.subarray(0, count)));
      position += count;
    }
  } catch (error) {
    if (!(error instanceof BodyBroken)) throw error;
    broken = error;
  } finally {
    await reader.close();
  }
  return { bytes: Buffer.concat(parts), isWhole: position === size, broken };
}

/** Resolves when the flight has changed until `isSo`. */
export async function until(seat: Seat, isSo: () => boolean): Promise<void> {
  while (!isSo()) await seat.flight.changed();
}

export { digestOf };
