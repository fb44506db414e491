import type { Counter, Gauge, Registry } from "prom-client";
import { evictionReasons, type EvictionReason } from "./labels.ts";
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
  leases: number;
  pins: number;
  /** 1 while nothing is stored because the disk or the index has failed repeatedly. */
  passthrough: 0 | 1;
  /** How much of the comparison of files and index at the start is done, 0 to 1. */
  reconcileRatio: number;
}

export interface FlightReading {
  flights: number;
  /** Requests that read from a flight which another request began. */
  followers: number;
}

/** Tags that could be pulled whole if every upstream vanished, and those that could not. */
export interface OfflineReading {
  ready: number;
  incomplete: number;
}

type Reader<T> = () => T | Promise<T>;

/** Gauges that are read when they are asked for. Until a reader is given they are 0; NaN where reading failed. */
export interface StoreMetrics {
  observeStore(read: Reader<StoreReading>): void;
  observeFlights(read: Reader<FlightReading>): void;
  observeOfflineTags(read: Reader<OfflineReading>): void;
  /** A stored file did not have its digest any more. */
  corruptFound(): void;
  /** A file was moved to `quarantine/`. */
  quarantined(): void;
  /** A file without a row was found right. */
  adopted(): void;
  scrubbed(bytes: number): void;
  /** Images (or single blobs) that went together, and the bytes that they set free. */
  evicted(reason: EvictionReason, units: number, bytes: number): void;
}

export function createStoreMetrics(registry: Registry): StoreMetrics & { refresh: () => Promise<void> } {
  const gauge = (name: string, help: string): Gauge => createGauge(registry, { name, help, labels: {} });
  const store = storeGauges(gauge);
  const flights = {
    flights: gauge("flights", "Fills that run."),
    followers: gauge("flight_followers", "Requests that read from a fill which another request began."),
  };
  const offline = {
    ready: gauge("offline_ready_tags", "Tags that could be pulled whole if every upstream vanished."),
    incomplete: gauge(
      "offline_incomplete_tags",
      "Tags of which something would be missing if every upstream vanished.",
    ),
  };
  const corrupt = createCounter(registry, {
    name: "corrupt_blobs_total",
    help: "Stored files that did not have their digest any more; they are given up and fetched again.",
    labels: {},
  });
  const counter = (name: string, help: string): Counter => createCounter(registry, { name, help, labels: {} });
  const quarantined = counter("quarantined_blobs_total", "Files that were moved to quarantine/.");
  const adopted = counter("adopted_blobs_total", "Files without a row in the index that were found right.");
  const scrubbedBytes = counter("scrubbed_bytes_total", "Bytes of stored files that the scrub has hashed.");
  const evictedBytes = counter("evicted_bytes_total", "Bytes that left the store.");
  const evictions = createCounter(registry, {
    name: "evictions_total",
    help: "Images, and blobs that no image names, that left the store.",
    labels: { reason: evictionReasons },
  });
  let readStore: Reader<StoreReading> | undefined;
  let readFlights: Reader<FlightReading> | undefined;
  let readOffline: Reader<OfflineReading> | undefined;
  return {
    observeStore: (read) => void (readStore = read),
    observeFlights: (read) => void (readFlights = read),
    observeOfflineTags: (read) => void (readOffline = read),
    corruptFound: () => corrupt.inc(),
    quarantined: () => quarantined.inc(),
    adopted: () => adopted.inc(),
    scrubbed: (bytes) => scrubbedBytes.inc(bytes),
    evicted(reason, units, bytes) {
      evictions.inc({ reason }, units);
      evictedBytes.inc(bytes);
    },
    async refresh() {
      await Promise.all([setAll(store, readStore), setAll(flights, readFlights), setAll(offline, readOffline)]);
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
    leases: gauge("leases", "Manifests that were served a short while ago."),
    pins: gauge("pins", "Pins, from the configuration and from the admin API."),
    passthrough: gauge("store_passthrough", "1 while nothing is stored because the disk or the index keeps failing."),
    reconcileRatio: gauge("reconcile_ratio", "How much of comparing files and index after the start is done; 1: all."),
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
