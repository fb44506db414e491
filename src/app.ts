import { createServer, type Server } from "node:http";
import { isIPv4 } from "node:net";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createAdminApp, createMetricsApp, ensureAdminToken, type Stats } from "./admin/index.ts";
import { openBlobStore, type BlobStore } from "./blobstore/index.ts";
import { createCache, systemClock, type Cache, type CacheObserver, type Clock } from "./cache/index.ts";
import { formatListenAddress, type ListenAddress, type Settings, type UpstreamEntry } from "./config/index.ts";
import { createBudget, type Budget } from "./eviction/index.ts";
import { lockDataDirectory, openMetadata, type Metadata } from "./metadata/index.ts";
import { createPullListener, createPullServer, drainServer, type AddressBook } from "./registry/index.ts";
import { createMetrics, type Logger, type Metrics } from "./telemetry/index.ts";
import { createUpstream, type Upstream, type UpstreamObserver } from "./upstream/index.ts";

const keepAliveTimeoutMs = 75_000;
const headersTimeoutMs = 30_000;
const backupEveryMs = 60 * 60 * 1000;
const warnEveryMs = 60 * 1000;

export interface AppOptions {
  logger: Logger;
  version: string;
  /** The system's clock by default. */
  clock?: Clock;
}

/** A running instance. */
export interface App {
  /** Where pulls, the admin API and each bound upstream are served, as they came to be (port 0 has become a number). */
  readonly addresses: { pull: string[]; admin: string[]; metrics: string[]; bound: Record<string, string[]> };
  readonly adminToken: string;
  /** Stops accepting, lets responses finish for `serve.drainFor`, then closes everything. */
  stop(): Promise<void>;
}

interface Parts {
  store: BlobStore;
  index: Metadata;
  budget: Budget;
  cache: Cache;
  metrics: Metrics;
}

/**
 * Builds the parts, bottom up, and listens.
 * @throws DataDirectoryError where the data directory is in use or of a newer format; errors of listen(2).
 */
export async function startApp(settings: Settings, options: AppOptions): Promise<App> {
  const lock = lockDataDirectory(settings.dataDir);
  const undo: (() => Promise<void> | void)[] = [() => lock.release()];
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) {
      // One part that cannot be closed must not keep the others open, nor the data directory locked.
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => options.logger.warn({ err: error }, "a part could not be closed cleanly"));
    }
  };
  try {
    const parts = await buildParts(settings, options, undo);
    return await listen(settings, options, parts, unwind, undo);
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function buildParts(
  settings: Settings,
  { logger, clock = systemClock }: AppOptions,
  undo: (() => Promise<void> | void)[],
): Promise<Parts> {
  const metrics = createMetrics({ upstreams: settings.upstreams.map(({ name }) => name), now: () => clock.now() });
  const store = await openBlobStore({ directory: settings.dataDir, bootId: String(process.pid) });
  undo.push(() => store.close());
  const index = await openMetadata({ directory: settings.dataDir, now: () => clock.now() });
  const backups = setInterval(() => {
    index.backup().catch((error: unknown) => logger.warn({ err: error }, "the index could not be copied to index.bak"));
  }, backupEveryMs).unref();
  undo.push(async () => {
    clearInterval(backups);
    await index.close();
  });
  const space = (): ReturnType<BlobStore["space"]> => store.space();
  const budget = await createBudget({ ...settings.storage, storedBytes: () => index.counts().storedBytes, space });
  const opened = settings.upstreams.map((entry) => ({ ...entry, upstream: openUpstream(entry, metrics) }));
  undo.push(async () => {
    await Promise.all(opened.map(({ upstream }) => upstream.close()));
  });
  const cache = createCache(settings, {
    upstreams: opened,
    store,
    index,
    budget,
    clock,
    observer: observeCache(metrics, logger, clock),
  });
  undo.push(() => cache.close());
  observeGauges(metrics, { store, index, budget, cache });
  return { store, index, budget, cache, metrics };
}

function observeCache(metrics: Metrics, logger: Logger, clock: Clock): CacheObserver {
  const warnedAt = new Map<string, number>();
  return {
    verifyFailed(upstream) {
      metrics.verifyFailed(upstream);
      logger.warn({ upstream }, "an upstream sent bytes with another digest than the one asked for; nothing is kept");
    },
    uncached(reason) {
      metrics.passedUncached(reason === "no-space" ? "no_space" : reason);
      // A part is meant to pass; what could have been kept is worth a line, but not one for each request.
      if (reason === "range" || clock.now() < (warnedAt.get(reason) ?? 0) + warnEveryMs) return;
      warnedAt.set(reason, clock.now());
      logger.warn({ reason }, "content passes through uncached: pulls succeed, nothing of them is kept");
    },
    corrupt(digest) {
      metrics.corruptFound();
      logger.error({ digest }, "a stored file does not have its digest any more; it is given up and fetched again");
    },
  };
}

function openUpstream(entry: UpstreamEntry, metrics: Metrics): Upstream {
  const { name } = entry;
  const observer: UpstreamObserver = {
    request: (kind, status, seconds) => metrics.upstreamRequest(name, kind, status, seconds),
    retry: () => metrics.upstreamRetried(name),
    resume: () => metrics.upstreamResumed(name),
    token: (status) => metrics.tokenRequested(name, status),
    bytes: (count) => metrics.bytesFetched(name, count),
  };
  return createUpstream({ ...entry, endpoints: [...entry.endpoints], tokenHosts: [...entry.tokenHosts] }, observer);
}

function observeGauges(metrics: Metrics, { store, index, budget, cache }: Omit<Parts, "metrics">): void {
  metrics.observeFlights(() => {
    const { running, followers } = cache.flights();
    return { flights: running, followers };
  });
  metrics.observeStore(async () => {
    const { availableBytes } = await store.space();
    const { blobs, manifests, storedBytes } = index.counts();
    const { maxBytes, reservedBytes } = budget;
    return { bytes: storedBytes, maxBytes, reservedBytes, freeBytes: availableBytes, blobs, manifests };
  });
}

async function listen(
  settings: Settings,
  options: AppOptions,
  parts: Parts,
  unwind: () => Promise<void>,
  undo: (() => Promise<void> | void)[],
): Promise<App> {
  const { logger } = options;
  const adminToken = await ensureAdminToken(settings.admin.tokenFile ?? join(settings.dataDir, "admin-token"));
  const state = { isDraining: false };
  const pullServers: Server[] = [];
  const openPull = (bound: string | undefined, addresses: readonly ListenAddress[]): Promise<string[]> => {
    const listener = createPullListener({
      ...parts,
      book: addressBook(settings),
      bound,
      readerLimits: settings.serve,
      logger,
    });
    return openAll(addresses, undo, () => {
      const server = createPullServer(listener, { keepAliveTimeoutMs, headersTimeoutMs });
      pullServers.push(server);
      return server;
    });
  };
  const health = {
    metrics: parts.metrics,
    readiness: () =>
      state.isDraining ? { ready: false, reasons: ["the server is stopping"] } : { ready: true, reasons: [] },
    onError: (error: unknown) => logger.error({ err: error }, "a bug"),
  };
  const startedAt = new Date();
  const stats = (): Promise<Stats> => readStats(parts, options.version, startedAt);
  const openAdmin = async (address: ListenAddress): Promise<string[]> => {
    const app = createAdminApp({ ...health, stats, token: adminToken, isLoopback: isLoopback(address) });
    return openAll([address], undo, () => createServer(app));
  };
  const admin = (await Promise.all(settings.admin.listen.map(openAdmin))).flat();
  const metrics = await openAll(settings.metrics.listen, undo, () => createServer(createMetricsApp(health)));
  const pull = await openPull(undefined, settings.listen);
  const bound: Record<string, string[]> = {};
  for (const { name, listen: own } of settings.upstreams) {
    if (own.length > 0) bound[name] = await openPull(name, own);
  }
  return {
    addresses: { pull, admin, metrics, bound },
    adminToken,
    async stop() {
      state.isDraining = true;
      await Promise.all(pullServers.map((server) => drainServer(server, settings.serve.drainForMs)));
      await unwind();
    },
  };
}

function addressBook(settings: Settings): AddressBook {
  return {
    upstreams: settings.upstreams.map(({ name }) => name),
    defaultUpstream: settings.defaultUpstream,
    hostnames: new Map(
      settings.upstreams.flatMap(({ name, hostnames }) => hostnames.map((host) => [host, name] as const)),
    ),
  };
}

async function readStats(
  { metrics, index, store, budget, cache }: Parts,
  version: string,
  startedAt: Date,
): Promise<Stats> {
  const { storedBytes, ...counts } = index.counts();
  const { availableBytes } = await store.space();
  return {
    version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
    ...(await metrics.snapshot()),
    store: { bytes: storedBytes, maxBytes: budget.maxBytes, freeBytes: availableBytes, ...counts },
    flights: { running: cache.flights().running },
  };
}

/** One server per address, since a server listens once. Resolves to the addresses as they came to be. */
function openAll(
  addresses: readonly ListenAddress[],
  undo: (() => Promise<void> | void)[],
  create: () => Server,
): Promise<string[]> {
  return Promise.all(
    addresses.map(async (address) => {
      const server = create();
      await listenOn(server, address);
      undo.push(() => drainServer(server, 0));
      const bound = server.address();
      if (bound === null) throw new Error("a server that listens has an address");
      return typeof bound === "string"
        ? `unix:${bound}`
        : formatListenAddress({ kind: "tcp", host: bound.address, port: bound.port });
    }),
  );
}

async function listenOn(server: Server, address: ListenAddress): Promise<void> {
  // A socket file outlives its process; the lock of the data directory says that there is no other one of ours.
  if (address.kind === "unix" && (await isSocket(address.path))) await rm(address.path);
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const words = `cannot listen on ${formatListenAddress(address)}: ${error.message}`;
      reject(new Error(words, { cause: error }));
    });
    const options = address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    server.listen(options, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

async function isSocket(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isSocket() ?? false;
}

function isLoopback(address: ListenAddress): boolean {
  if (address.kind === "unix" || address.host === "localhost" || address.host === "::1") return true;
  return isIPv4(address.host) && address.host.startsWith("127.");
}
