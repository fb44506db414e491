import { createAccess, type Access, type AccessPorts } from "./access/index.ts";
import { openBlobStore, type BlobStore } from "./blobstore/index.ts";
import { pseudonymOf, type Pseudonym } from "./chain/index.ts";
import { createCache, type Cache, type Clock } from "./cache/index.ts";
import type { Settings, UpstreamEntry } from "./config/index.ts";
import { Eviction } from "./eviction/index.ts";
import type { Inventory } from "./inventory/index.ts";
import { ensureInstanceId, openMetadata, type Metadata } from "./metadata/index.ts";
import {
  observeCache,
  observeEviction,
  observeIndex,
  observeUpkeep,
  observeUpstream,
  type ObserverPorts,
} from "./observers.ts";
import { openInventory } from "./open-inventory.ts";
import { createPassthrough, type Passthrough, type PassthroughPorts } from "./passthrough/index.ts";
import {
  createEvents,
  createMetrics,
  History,
  type Events,
  type HistoryOptions,
  type Logger,
  type Metrics,
} from "./telemetry/index.ts";
import { createUpkeep, type Upkeep } from "./upkeep/index.ts";
import { createPushGate, createUpstream, type ConfiguredUpstream } from "./upstream/index.ts";

const backupEveryMs = 60 * 60 * 1000;
const keptEvents = 1000;

export interface Parts {
  store: BlobStore;
  index: Metadata;
  eviction: Eviction;
  upkeep: Upkeep;
  inventory: Inventory;
  cache: Cache;
  access: Access;
  push: Passthrough;
  metrics: Metrics;
  /** The same objects while it runs; what they hold changes with a reload. */
  upstreams: readonly OpenedUpstream[];
  /** A client for an upstream as it is configured now; closed with the others. */
  openUpstream(entry: UpstreamEntry): ConfiguredUpstream;
  events: Events;
  history: History;
  /** How this instance calls itself towards other caches. */
  pseudonym: Pseudonym;
}

/** An upstream with its settings. */
export interface OpenedUpstream extends UpstreamEntry {
  isDefault: boolean;
  upstream: ConfiguredUpstream;
}

/** Steps that take back what has been built, the first to be taken at the end. */
export type Undo = (() => Promise<void> | void)[];

export interface PartsOptions {
  logger: Logger;
  clock: Clock;
}

/** Builds everything behind the listeners, bottom up. The caller holds the lock of the data directory. */
export async function buildParts(settings: Settings, { logger, clock }: PartsOptions, undo: Undo): Promise<Parts> {
  const metrics = createMetrics({
    upstreams: settings.upstreams.map(({ name }) => name),
    endpoints: new Map(
      settings.upstreams.map(({ name, endpoints }) => [name, endpoints.map(({ url }) => new URL(url).host)]),
    ),
    now: () => clock.now(),
  });
  const now = (): number => clock.now();
  const events = createEvents({ now, keep: keptEvents });
  const observing: ObserverPorts = { metrics, events, logger, clock };
  const setTimer = (ms: number, action: () => void): (() => void) => clock.setTimer(ms, action);

  const history = openHistory(metrics, { now, setTimer, logger }, undo);
  const isOpenToGroup = settings.serve.offload === "nginx";
  const store = await openBlobStore({ directory: settings.dataDir, bootId: String(process.pid), isOpenToGroup });
  undo.push(() => store.close());
  const index = await openIndex(settings, observing, undo);
  const eviction = await Eviction.create(
    { ...settings.storage, ...settings.eviction },
    { store, index, now, setTimer, observer: observeEviction(observing, (digests) => cache.forget(digests)) },
  );
  undo.push(() => eviction.close());
  await eviction.setConfigPins(settings.pins);
  const upkeep = createUpkeep({
    directory: settings.dataDir,
    store,
    index,
    scrub: settings.scrub,
    now,
    setTimer,
    observer: observeUpkeep(observing),
    onLost(digest) {
      cache.refetch(digest).catch((error: unknown) => {
        logger.warn({ err: error, digest }, "a lost file could not be fetched again; the next pull will try");
      });
    },
  });
  undo.push(() => upkeep.close());
  const pseudonym = pseudonymOf(ensureInstanceId(settings.dataDir));
  const clients: ConfiguredUpstream[] = [];
  undo.push(async () => {
    await Promise.all(clients.map((client) => client.close()));
  });
  const openUpstream = (entry: UpstreamEntry): ConfiguredUpstream => {
    const options = { now, pseudonym };
    const client = createUpstream(entry, observeUpstream(entry.name, observing), options);
    clients.push(client);
    return client;
  };
  const upstreams = settings.upstreams.map((entry) => openEntry(entry, settings, openUpstream(entry)));
  const adopt = (digest: Parameters<Upkeep["adopt"]>[0]): Promise<boolean> => upkeep.adopt(digest);
  const observer = observeCache(observing);
  const cache = createCache(settings, { upstreams, store, index, eviction, adopt, clock, observer });
  undo.push(() => cache.close());
  const push = openPassthrough(settings, observing, undo, async (repository, change) => {
    access.pushed(repository.upstream, repository.name);
    await cache.changed(repository, change);
  });
  const access = openAccess(settings, { upstreams, now, setTimer, hasPushes: push.isOpen }, logger);
  undo.push(() => access.close());
  metrics.observeQuotas(() => upstreams.map(({ name, upstream }) => ({ upstream: name, ...upstream.quota() })));
  const inventory = openInventory(settings, { index, now, setTimer }, { access, cache, eviction }, logger);
  undo.push(() => inventory.close());
  const parts = {
    access,
    push,
    store,
    index,
    eviction,
    upkeep,
    inventory,
    cache,
    metrics,
    events,
    history,
    upstreams,
    openUpstream,
    pseudonym,
  };
  observeGauges(parts);
  return parts;
}

/**
 * What goes on behind the requests: files and index are compared, then they are checked again and again. Content may go
 * when all edges are known: after a clean stop at once, else when the files have told theirs.
 */
export async function beginUpkeep({ index, eviction, upkeep, inventory }: Parts): Promise<void> {
  const reconciled = upkeep.reconcile();
  if (!index.wasStoppedCleanly || index.files.hasEdgesToRead()) await upkeep.edgesComplete;
  eviction.begin();
  await reconciled;
  inventory.begin();
  upkeep.startScrub();
}

/** An upstream that is never asked takes no pushes either. */
function openPassthrough(
  settings: Settings,
  observing: ObserverPorts,
  undo: Undo,
  changed: PassthroughPorts["changed"],
): Passthrough {
  const gates = settings.upstreams
    .filter(({ push, offline }) => push === "passthrough" && !offline)
    .map((entry) => createPushGate(entry, observeUpstream(entry.name, observing)));
  undo.push(async () => {
    await Promise.all(gates.map((gate) => gate.close()));
  });
  const now = (): number => observing.clock.now();
  return createPassthrough({ gates, now, changed });
}

type AccessBasis = Omit<AccessPorts, "onFault">;

function openAccess(settings: Settings, basis: AccessBasis, logger: Logger): Access {
  const onFault = (fault: string): void => logger.error({ file: settings.access.htpasswdFile }, `htpasswd: ${fault}`);
  return createAccess(settings, { ...basis, onFault });
}

function openHistory(
  metrics: Metrics,
  { logger, ...timing }: Pick<HistoryOptions, "now" | "setTimer"> & { logger: Logger },
  undo: Undo,
): History {
  const onError = (error: unknown): void => logger.error({ err: error }, "the history could not be kept");
  const history = new History({ ...timing, snapshot: () => metrics.snapshot(), onError });
  undo.push(() => history.close());
  return history;
}

async function openIndex(settings: Settings, observing: ObserverPorts, undo: Undo): Promise<Metadata> {
  const { clock, logger } = observing;
  const index = await openMetadata({
    directory: settings.dataDir,
    now: () => clock.now(),
    observer: observeIndex(observing),
  });
  const backups = setInterval(() => {
    index.backup().catch((error: unknown) => logger.warn({ err: error }, "the index could not be copied to index.bak"));
  }, backupEveryMs).unref();
  undo.push(async () => {
    clearInterval(backups);
    await index.close();
  });
  if (index.rebuilt) {
    const { damaged, from } = index.rebuilt;
    const words = from === "backup" ? "begun anew from index.bak" : "begun anew: tags are learnt again from upstream";
    logger.error({ damaged, from }, `the index was damaged or gone; it was set aside and ${words}`);
  }
  return index;
}

/** Without an upstream to ask, a tag is as good as it will ever be, however old. */
function policiesOf({ offline, tags, tagPatterns }: UpstreamEntry): Pick<UpstreamEntry, "tags" | "tagPatterns"> {
  if (!offline) return { tags, tagPatterns };
  const forEver = { staleForMs: Infinity };
  return { tags: { ...tags, ...forEver }, tagPatterns: tagPatterns.map((policy) => ({ ...policy, ...forEver })) };
}

/** An upstream as the settings have it, with its client. */
export function openEntry(entry: UpstreamEntry, settings: Settings, upstream: ConfiguredUpstream): OpenedUpstream {
  return { ...entry, ...policiesOf(entry), isDefault: entry.name === settings.defaultUpstream, upstream };
}

function observeGauges({ metrics, store, index, eviction, upkeep, cache, inventory }: Parts): void {
  metrics.observeOfflineTags(() => inventory.offline);
  metrics.observeFlights(() => {
    const { running, followers } = cache.flights();
    return { flights: running, followers };
  });
  metrics.observeStore(async () => {
    const { availableBytes } = await store.space();
    const { blobs, manifests, storedBytes } = index.counts();
    const { maxBytes, reservedBytes } = eviction.budget;
    return {
      bytes: storedBytes,
      maxBytes,
      reservedBytes,
      freeBytes: availableBytes,
      blobs,
      manifests,
      leases: eviction.leases,
      pins: eviction.pins,
      passthrough: cache.isStoreSetAside() ? 1 : 0,
      reconcileRatio: upkeep.reconcileRatio,
    };
  });
}
