import type { BlobStore } from "../blobstore/index.ts";
import type { Budget } from "../eviction/index.ts";
import type { Metadata } from "../metadata/index.ts";
import { RegistryError, type Digest, type Reference, type RepositoryName } from "../oci/index.ts";
import type { BlobAnswer, ManifestAnswer, RangeUnsatisfiable, ReferrersAnswer, TagsAnswer } from "./answers.ts";
import { Blobs } from "./blobs.ts";
import type { Clock } from "./clock.ts";
import type { FlightObserver, FlightPorts } from "./flight.ts";
import { Collapse } from "./collapse.ts";
import { durably } from "./durably.ts";
import { Flights, type AbandonedPolicy } from "./flights.ts";
import { Listings } from "./listings.ts";
import { ManifestStore, type OnLost } from "./manifest-store.ts";
import { Manifests } from "./manifests.ts";
import { Membership } from "./membership.ts";
import { Memory } from "./memory.ts";
import { Negatives } from "./negatives.ts";
import type { ByteRange } from "./ranges.ts";
import { sourceOf, type Source, type Trace, type UpstreamEntry } from "./source.ts";
import { Tags } from "./tags.ts";

export interface CacheSettings {
  abandoned: AbandonedPolicy;
  memory: { hotBlobsBytes: number; maxHotBlobBytes: number };
}

export interface CachePorts {
  upstreams: readonly UpstreamEntry[];
  store: BlobStore;
  index: Metadata;
  budget: Budget;
  clock: Clock;
  observer: FlightObserver;
}

/** Which repository of which configured upstream is meant. */
export interface Target {
  upstream: string;
  repository: RepositoryName;
  trace: Trace;
}

/**
 * The policy of the cache: what is a hit, what may be stale, what is filled, what is absent.
 * Answers are values; what a client is to be told instead is a RegistryError; anything else thrown is a bug.
 */
export interface Cache {
  manifest(
    target: Target,
    reference: Reference,
    options: { method: "GET" | "HEAD"; mustCheck: boolean },
  ): Promise<ManifestAnswer>;
  blob(
    target: Target,
    digest: Digest,
    options: { method: "GET" | "HEAD"; range: ByteRange | undefined },
  ): Promise<BlobAnswer | RangeUnsatisfiable>;
  tags(target: Target): Promise<TagsAnswer>;
  referrers(target: Target, digest: Digest): Promise<ReferrersAnswer>;
  flights(): { running: number; followers: number };
  /** Stops all fills. Readers of running fills end short. */
  close(): Promise<void>;
}

export function createCache(settings: CacheSettings, ports: CachePorts): Cache {
  const { store, index, budget, clock, observer } = ports;
  const memory = new Memory(settings.memory);
  const negatives = new Negatives(clock);
  const membership = new Membership(index, clock, observer);
  const flights = new Flights(
    { store, budget, clock, observer, record: recordIn(index, observer) },
    settings.abandoned,
  );
  const losses = new Collapse<void>();
  const onLost: OnLost = (digest) =>
    losses.run(digest, async () => {
      // Whoever noticed it first may have been followed by a fill that brought it back.
      if (index.blob(digest)?.state !== "present") return;
      memory.delete(digest);
      await store.remove(digest);
      await durably(observer, index.forgetFile(digest));
    }).promise;
  const manifestStore = new ManifestStore({ store, index, budget, memory, clock, observer, onLost });
  const manifests = new Manifests({ index, manifests: manifestStore, membership, negatives, clock });
  const tags = new Tags({ index, manifests, manifestStore, negatives, clock, observer });
  const listings = new Listings(index, clock, observer);
  const blobs = new Blobs({ store, index, membership, negatives, memory, flights, clock, observer, onLost });
  const entries = new Map(ports.upstreams.map((entry) => [entry.upstream.name, entry]));

  const source = ({ upstream, repository, trace }: Target): Source => {
    const entry = entries.get(upstream);
    if (!entry) throw new RegistryError("NAME_UNKNOWN", `${upstream} is not configured`);
    return sourceOf(entry, repository, trace);
  };

  return {
    manifest: async (target, reference, { method, mustCheck }) =>
      reference.kind === "digest"
        ? manifests.answer(source(target), reference.digest, method)
        : tags.answer({ source: source(target), tag: reference.tag, method, mustCheck }),
    blob: async (target, digest, { method, range }) => {
      const request = { source: source(target), digest, range };
      return method === "HEAD" ? blobs.head(request) : blobs.get(request);
    },
    tags: async (target) => listings.tags(source(target)),
    referrers: async (target, digest) => listings.referrers(source(target), digest),
    flights: () => ({ running: flights.running, followers: flights.followers }),
    close: () => flights.close(),
  };
}

/** A committed file becomes a hit. Where the index refuses, the file goes, unless another upstream's fill made it a hit. */
function recordIn(index: Metadata, observer: FlightObserver): FlightPorts["record"] {
  return async (upstream, repository, digest, size) =>
    (await durably(observer, index.recordBlob({ upstream, name: repository }, digest, size))) ||
    index.blob(digest)?.state === "present";
}
