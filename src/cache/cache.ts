import type { Pseudonym } from "../chain/index.ts";
import type { BlobStore } from "../blobstore/index.ts";
import type { Budget } from "../eviction/index.ts";
import { WriteError, type Metadata, type RepositoryKey, type TagRow } from "../metadata/index.ts";
import { RegistryError, type Digest, type Reference, type RepositoryName, type Tag } from "../oci/index.ts";
import type {
  BlobAnswer,
  EnterFill,
  ManifestAnswer,
  RangeUnsatisfiable,
  ReferrersAnswer,
  TagsAnswer,
} from "./answers.ts";
import { BlobAccess } from "./blobs/blob-access.ts";
import { BlobFills } from "./blobs/blob-fills.ts";
import { BlobParts } from "./blobs/blob-parts.ts";
import { Blobs } from "./blobs/blobs.ts";
import type { Clock } from "./clock.ts";
import type { FlightPorts } from "./flights/flight.ts";
import type { CacheObserver } from "./observer.ts";
import { durably } from "./durably.ts";
import { Generations } from "./generations.ts";
import { Flights, type AbandonedPolicy, type Fill } from "./flights/flights.ts";
import type { Adopt, Keeping } from "./keeping.ts";
import { HandedOver } from "./blobs/handed-over.ts";
import { Listings } from "./listings.ts";
import { servedUntil, type TagPolicy } from "./manifests/freshness.ts";
import { ManifestStore } from "./manifests/manifest-store.ts";
import { Manifests } from "./manifests/manifests.ts";
import { Membership } from "./membership.ts";
import { Memory } from "./memory.ts";
import { Negatives } from "./negatives.ts";
import { Pushes, type Change } from "./pushes.ts";
import type { ByteRange } from "./blobs/ranges.ts";
import { prefetch, type Prefetched, type PrefetchOptions } from "./blobs/prefetch.ts";
import { refetch } from "./refetch.ts";
import { refresh, type Refreshed } from "./manifests/refresh.ts";
import { policyFor, sourceOf, type Source, type Trace, type UpstreamEntry, type Viewer } from "./source.ts";
import { StoreHealth } from "./store-health.ts";
import type { BlobReader } from "./blobs/reader.ts";
import { StoredBlobs, type ReadCheck } from "./blobs/stored-blobs.ts";
import { createTagPolicies } from "./manifests/tag-policies.ts";
import { Tags } from "./manifests/tags.ts";

export interface CacheSettings {
  abandoned: AbandonedPolicy;
  memory: { hotBlobsBytes: number; maxHotBlobBytes: number };
  scrub: { verifyOnRead: ReadCheck };
  /** Who may pull. Unless all may, a digest is in a repository only if it was fetched or proven through it. */
  access: { mode: "open" | "basic" | "upstream" };
}

export interface CachePorts {
  /** Looked at for each request, but for the policies of tags. */
  upstreams: readonly UpstreamEntry[];
  store: BlobStore;
  index: Metadata;
  eviction: Keeping;
  adopt: Adopt;
  clock: Clock;
  observer: CacheObserver;
}

/** Which repository of which configured upstream is meant. */
export interface Target {
  upstream: string;
  repository: RepositoryName;
  trace: Trace;
  /** The caches that the request has come through. */
  via?: readonly Pseudonym[];
  /** Who pulls with a credential of its own; absent for the configured one. */
  viewer?: Viewer | undefined;
  /** Nobody waits for it: of an upstream that allows few more pulls none is used up. */
  isSparing?: boolean | undefined;
}

/** What a request was answered with: for the order of eviction a HEAD is a look, a GET a pull. */
export interface Content {
  kind: "manifest" | "blob";
  method: "GET" | "HEAD";
  digest: Digest;
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
    options: { method: "GET" | "HEAD"; range: ByteRange | undefined; signal: AbortSignal; enterFill: EnterFill },
  ): Promise<BlobAnswer | RangeUnsatisfiable>;
  /** `mustCheck` as with manifests: the upstream is asked, however fresh the list is. */
  tags(target: Target, options: { mustCheck: boolean }): Promise<TagsAnswer>;
  referrers(target: Target, digest: Digest, options: { mustCheck: boolean }): Promise<ReferrersAnswer>;
  /** A push through us has changed the repository: what is kept of it is checked again. Resolves when the index says so. */
  changed(repository: RepositoryKey, change: Change): Promise<void>;
  /**
   * Grows with whatever may change how a hit is answered. A tag's freshness ends without it (`Age`), and content that leaves
   * memory is not `hot` any more.
   */
  readonly revision: number;
  /** Bytes that are in memory; whether a repository holds them has been asked elsewhere. */
  hot(digest: Digest): Buffer | undefined;
  /** A stored blob that was a hit, to be read once more: as long as the revision is that of the hit. Must be closed. */
  reopen(digest: Digest, size: number): Promise<BlobReader | undefined>;
  /** A hit has been answered without being asked for here. */
  used(content: Content): void;
  flights(): { running: number; followers: number };
  /** The fills that run, in the order in which they were asked for. */
  fills(): Fill[];
  /**
   * Asks the upstream what the tag names, however fresh it is, and fetches that where it is new.
   * @throws RegistryError where the upstream fails: what is stored stays as it is.
   */
  refresh(target: Target, tag: Tag): Promise<Refreshed>;
  /** Stores a blob if it is not stored, and keeps nothing of it in memory. @throws RegistryError; the reason of the signal */
  prefetch(target: Target, digest: Digest, options: PrefetchOptions): Promise<Prefetched>;
  /** Fetches again what was lost, if something that is kept needs it; whether it was asked for. Rejects where the upstream fails. */
  refetch(digest: Digest): Promise<boolean>;
  /** Until when a stored tag is served although its upstream is not there any more, in ms since the epoch. */
  servedUntil(repository: RepositoryKey, tag: Tag, row: Pick<TagRow, "checkedAt" | "goneSince">): number;
  /** What the entries of `upstreams` hold has changed: read when the cache was made, and now. */
  policiesChanged(): void;
  /** Whether the store has failed so often that nothing is stored at present. */
  isStoreSetAside(): boolean;
  /** Keeps nothing of these in memory. */
  forget(digests: readonly Digest[]): void;
  /** Stops all fills. Readers of running fills end short. */
  close(): Promise<void>;
}

export function createCache(settings: CacheSettings, ports: CachePorts): Cache {
  const { store, index, eviction, adopt, clock } = ports;
  const probe = async (): Promise<void> => {
    await store.probe();
    await index.probe();
  };
  const health = new StoreHealth({ clock, observer: ports.observer, probe });
  const observer = health.watching(ports.observer);
  const reserve: Budget["reserve"] = async (bytes, how) => {
    health.check();
    return eviction.budget.reserve(bytes, how);
  };
  const memory = new Memory(settings.memory);
  const negatives = new Negatives(clock);
  const generations = new Generations();
  const membership = new Membership({ index, clock, observer, isStrict: settings.access.mode !== "open" });
  const flights = new Flights(
    {
      store,
      budget: { reserve },
      hold: (digest) => eviction.hold(digest),
      clock,
      observer,
      record: recordIn(index, observer),
      settled: () => eviction.settled(),
    },
    settings.abandoned,
  );
  const handedOver = new HandedOver({ eviction, clock });
  const stored = new StoredBlobs(settings.scrub, {
    ...{ store, index, eviction, adopt, memory, clock, observer },
    handedOver,
  });
  const manifestStore = new ManifestStore({
    store,
    index,
    eviction,
    budget: { reserve },
    memory,
    clock,
    observer,
    stored,
  });
  const manifests = new Manifests({ index, eviction, store: manifestStore, membership, negatives, clock });
  const tags = new Tags({ index, eviction, manifests, manifestStore, negatives, clock, observer });
  const listings = new Listings(index, clock, observer);
  const pushes = new Pushes({ index, listings, generations, observer });
  const access = new BlobAccess({ index, membership, negatives, clock });
  const fills = new BlobFills({ index, access, flights, clock });
  const parts = new BlobParts({ index, access, fills, flights, clock, observer });
  const blobs = new Blobs({ index, eviction, access, membership, stored, fills, parts, flights });
  const entries = new Map(ports.upstreams.map((entry) => [entry.upstream.name, entry]));
  const readTagPolicies = (): Map<string, (tag: Tag) => TagPolicy> =>
    new Map(ports.upstreams.map((entry) => [entry.upstream.name, createTagPolicies(entry.tags, entry.tagPatterns)]));
  let tagPolicies = readTagPolicies();
  let policyChanges = 0;

  const source = ({ upstream, ...asked }: Target): Source => {
    const entry = entries.get(upstream);
    if (!entry) throw new RegistryError("NAME_UNKNOWN", `${upstream} is not configured`);
    return sourceOf(entry, asked, { now: clock.now(), mark: (key) => generations.mark(key) });
  };
  const policyOf = (upstream: string, tag: Tag): TagPolicy | undefined => tagPolicies.get(upstream)?.(tag);
  const tagSource = (target: Target, tag: Tag): Source => {
    const plain = source(target);
    return { ...plain, tags: policyFor(target.viewer, policyOf(target.upstream, tag) ?? plain.tags) };
  };

  return {
    manifest: async (target, reference, { method, mustCheck }) =>
      reference.kind === "digest"
        ? manifests.answer(source(target), reference.digest, method)
        : tags.answer({ source: tagSource(target, reference.tag), tag: reference.tag, method, mustCheck }),
    blob: async (target, digest, { method, ...options }) => {
      const request = { source: source(target), digest, ...options };
      return method === "HEAD" ? blobs.head(request) : blobs.get(request);
    },
    tags: async (target, { mustCheck }) => listings.tags(source(target), mustCheck),
    referrers: async (target, digest, { mustCheck }) => listings.referrers(source(target), digest, mustCheck),
    changed: (repository, change) => pushes.changed(repository, change),
    get revision() {
      return index.revision + policyChanges;
    },
    hot: (digest) => memory.get(digest),
    reopen: async (digest, size) => (await stored.open(digest, true, { digest, size, state: "present" }))?.reader,
    used({ kind, method, digest }) {
      if (method === "HEAD") eviction.seen(digest);
      else if (kind === "manifest") eviction.pulled(digest);
      else eviction.pulledBlob(digest);
    },
    flights: () => ({ running: flights.running, followers: flights.followers }),
    fills: () => flights.list(),
    refresh: async (target, tag) => refresh({ source: tagSource(target, tag), tag }, { index, tags }),
    prefetch: async (target, digest, options) =>
      prefetch({ source: source(target), digest, ...options }, { access, stored, fills, flights, eviction }),
    refetch: (digest) =>
      refetch(digest, {
        graph: index.graph,
        manifests,
        fills,
        source: ({ upstream, name }) => source({ upstream, repository: name, trace: { upstreamMs: 0 } }),
      }),
    policiesChanged() {
      tagPolicies = readTagPolicies();
      policyChanges += 1;
    },
    servedUntil(repository, tag, row) {
      const policy = policyOf(repository.upstream, tag);
      return policy ? servedUntil(row, policy) : 0;
    },
    isStoreSetAside: () => health.isSetAside,
    forget: (digests) => digests.forEach((digest) => memory.delete(digest)),
    async close() {
      health.close();
      handedOver.close();
      await flights.close();
    },
  };
}

/**
 * A committed file becomes a hit. Where the index refuses, the file goes, unless another upstream's fill made it a hit; where
 * the disk fails under the index, nobody knows whether the row will be there after the next start: then the file stays.
 */
function recordIn(index: Metadata, observer: CacheObserver): FlightPorts["record"] {
  return async (upstream, repository, digest, size) => {
    const recorded = index.recordBlob({ upstream, name: repository }, digest, size);
    const isUnknown = recorded.then(
      () => false,
      (error: unknown) => error instanceof WriteError && error.kind === "io",
    );
    if (await durably(observer, recorded)) return "recorded";
    if (index.blob(digest)?.state === "present") return "recorded";
    return (await isUnknown) ? "unknown" : "refused";
  };
}
