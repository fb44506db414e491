import { createServer, type Server } from "node:http";
import { isIPv4 } from "node:net";
import { chmod, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  createAdminApp,
  createMetricsApp,
  ensureAdminToken,
  EventStream,
  fillDocuments,
  type Stats,
} from "./admin/index.ts";
import { systemClock, type Clock } from "./cache/index.ts";
import { formatListenAddress, type ListenAddress, type Settings } from "./config/index.ts";
import { lockDataDirectory } from "./metadata/index.ts";
import { readPage } from "./console/index.ts";
import { createOperations } from "./operations.ts";
import { beginUpkeep, buildParts, type Parts, type Undo } from "./parts.ts";
import { readStats } from "./read-stats.ts";
import { ClientLimits, createPullListener, createPullServer, drainServer, type AddressBook } from "./registry/index.ts";
import type { Logger } from "./telemetry/index.ts";

const keepAliveTimeoutMs = 75_000;
const headersTimeoutMs = 30_000;

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

/**
 * Builds the parts, bottom up, and listens.
 * @throws DataDirectoryError where the data directory is in use or of a newer format; errors of listen(2).
 */
export async function startApp(settings: Settings, options: AppOptions): Promise<App> {
  const lock = lockDataDirectory(settings.dataDir);
  const undo: Undo = [() => lock.release()];
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) {
      // One part that cannot be closed must not keep the others open, nor the data directory locked.
      await Promise.resolve()
        .then(step)
        .catch((error: unknown) => options.logger.warn({ err: error }, "a part could not be closed cleanly"));
    }
  };
  try {
    const parts = await buildParts(settings, { logger: options.logger, clock: options.clock ?? systemClock }, undo);
    const app = await listen(settings, options, parts, unwind, undo);
    beginUpkeep(parts).catch((error: unknown) => options.logger.error({ err: error }, "upkeep has ended"));
    return app;
  } catch (error) {
    await unwind();
    throw error;
  }
}

async function listen(
  settings: Settings,
  options: AppOptions,
  parts: Parts,
  unwind: () => Promise<void>,
  undo: Undo,
): Promise<App> {
  const { logger } = options;
  const adminToken = await ensureAdminToken(settings.admin.tokenFile ?? join(settings.dataDir, "admin-token"));
  const state = { isDraining: false };
  const pullServers: Server[] = [];
  const clientLimits = new ClientLimits(settings.serve, (address) => parts.access.isProxy(address));
  const openPull = (bound: string | undefined, addresses: readonly ListenAddress[]): Promise<string[]> => {
    const listener = createPullListener({
      ...parts,
      book: addressBook(settings),
      bound,
      clientLimits,
      readerLimits: settings.serve,
      logger,
    });
    return openAll(addresses, undo, () => {
      const server = createPullServer(listener, { keepAliveTimeoutMs, headersTimeoutMs, hasBodies: parts.push.isOpen });
      clientLimits.watch(server);
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
  const pull: string[] = [];
  const stats = async (): Promise<Stats> => ({
    ...(await readStats(parts, options.version, startedAt)),
    listen: { pull },
  });
  const onJobFailed = (error: unknown): void => logger.error({ err: error }, "a job of the admin API has failed");
  const operations = createOperations(parts, { clock: options.clock ?? systemClock, onError: onJobFailed, undo });
  const activity = { fills: () => parts.cache.fills(), history: () => parts.history.read() };
  const eventStream = openEventStream(parts, { ...options, stats }, undo);
  const page = await readPage();
  const openAdmin = async (address: ListenAddress): Promise<string[]> => {
    const app = createAdminApp({
      ...health,
      stats,
      operations,
      activity,
      eventStream,
      page,
      token: adminToken,
      isLoopback: isLoopback(address),
      isUnixSocket: address.kind === "unix",
    });
    const opened = await openAll([address], undo, () => createServer(app));
    // Who can write to the socket can do what the token allows.
    if (address.kind === "unix") await chmod(address.path, 0o600);
    return opened;
  };
  const admin = (await Promise.all(settings.admin.listen.map(openAdmin))).flat();
  const metrics = await openAll(settings.metrics.listen, undo, () => createServer(createMetricsApp(health)));
  pull.push(...(await openPull(undefined, settings.listen)));
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

function openEventStream(
  { events, cache }: Parts,
  { clock = systemClock, logger, stats }: AppOptions & { stats: () => Promise<Stats> },
  undo: Undo,
): EventStream {
  const stream = new EventStream({
    events,
    activity: async () => ({ stats: await stats(), fills: fillDocuments(cache.fills()) }),
    setTimer: (ms, action) => clock.setTimer(ms, action),
    onError: (error) => logger.error({ err: error }, "what goes on could not be told"),
  });
  undo.push(() => stream.close());
  return stream;
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

/** One server per address, since a server listens once. Resolves to the addresses as they came to be. */
function openAll(addresses: readonly ListenAddress[], undo: Undo, create: () => Server): Promise<string[]> {
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
