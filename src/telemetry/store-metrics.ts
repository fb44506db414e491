import type { Gauge, Registry } from "prom-client";
import { createCounter, createGauge } from "./series.ts";

/** The state of the store at one moment. */
export interface StoreReading {
  bytes: number;
  maxBytes: number;
  /** Available on the file system of the store. */
  freeBytes: number;
  /** Promised to running fills. */
  reservedBytes: number;
  blobs: number;
  manifests: number;
}

export interface FlightReading {
  flights: number;
  /** Requests that read from a flight which another request began. */
  followers: number;
}

type Reader<T> = () => T | Promise<T>;

/** Gauges that are read when they are asked for. Until a reader is given they are 0; NaN where reading failed. */
export interface StoreMetrics {
  observeStore(read: Reader<StoreReading>): void;
  observeFlights(read: Reader<FlightReading>): void;
  /** A stored file did not have its digest any more. */
  corruptFound(): void;
}

export function createStoreMetrics(registry: Registry): StoreMetrics & { refresh: () => Promise<void> } {
  const gauge = (name: string, help: string): Gauge => createGauge(registry, { name, help, labels: {} });
  const store = storeGauges(gauge);
  const flights = {
    flights: gauge("flights", "Fills that run."),
    followers: gauge("flight_followers", "Requests that read from a fill which another request began."),
  };
  const corrupt = createCounter(registry, {
    name: "corrupt_blobs_total",
    help: "Stored files that did not have their digest any more; they are given up and fetched again.",
    labels: {},
  });
  let readStore: Reader<StoreReading> | undefined;
  let readFlights: Reader<FlightReading> | undefined;
  return {
    observeStore: (read) => void (readStore = read),
    observeFlights: (read) => void (readFlights = read),
    corruptFound: () => corrupt.inc(),
    async refresh() {
      await Promise.all([setAll(store, readStore), setAll(flights, readFlights)]);
    },
  };
}

function storeGauges(gauge: (name: string, help: string) => Gauge): Record<keyof StoreReading, Gauge> {
  return {
    bytes: gauge("store_bytes", "Bytes that the store holds."),
    maxBytes: gauge("store_max_bytes", "Bytes that the store may hold."),
    freeBytes: gauge("store_free_bytes", "Bytes available on the file system of the store."),
    reservedBytes: gauge("store_reserved_bytes", "Bytes promised to running fills."),
    blobs: gauge("store_blobs", "Blobs in the store, manifests included."),
    manifests: gauge("store_manifests", "Manifests and indexes in the store."),
  };
}

async function setAll<K extends string>(
  gauges: Record<K, Gauge>,
  read: Reader<Record<K, number>> | undefined,
): Promise<void> {
  if (!read) return;
  const reading = await readOrNothing(read);
  for (const name of Object.keys(gauges) as K[]) gauges[name].set(reading?.[name] ?? NaN);
}

/** A store that cannot be read must not take the other metrics with it: those are needed then. */
async function readOrNothing<T>(read: Reader<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
