import { createServer, type Server } from "node:http";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions as TlsOptions,
} from "node:https";
import { chmod } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  createAdminApp,
  createMetricsApp,
  ensureAdminToken,
  EventStream,
  fillDocuments,
  startWebhooks,
  type ReloadReport,
  type Stats,
} from "./admin/index.ts";
import { systemClock, type Clock } from "./cache/index.ts";
import type { ListenAddress, ServerTlsSettings, Settings } from "./config/index.ts";
import {
  inheritedSockets,
  isLoopback,
  ListenerIdentity,
  openListener,
  placesOf,
  type InheritedSocket,
  type Place,
} from "./listeners/index.ts";
import { lockDataDirectory } from "./metadata/index.ts";
import { readPage } from "./console/index.ts";
import { observeWebhooks } from "./observers.ts";
import { addressBook } from "./address-book.ts";
import { createOperations } from "./operations.ts";
import { beginUpkeep, buildParts, type Parts, type Undo } from "./parts.ts";
import { Reload } from "./reload.ts";
import { readStats } from "./read-stats.ts";
import { ClientLimits, createOffload, createPullListener, createPullServer, drainServer } from "./registry/index.ts";
import type { Logger } from "./telemetry/index.ts";

const keepAliveTimeoutMs = 75_000;
const headersTimeoutMs = 30_000;

export interface AppOptions {
  logger: Logger;
  version: string;
  /** Reads the configuration again for a reload; by default it stays as it is. @throws ConfigError */
  readSettings?: () => Settings;
  /** The system's clock by default. */
  clock?: Clock;
}

/** A running instance. */
export interface App {
  /** Where pulls, the admin API and each bound upstream are served, as they came to be (port 0 has become a number). */
  readonly addresses: { pull: string[]; admin: string[]; metrics: string[]; bound: Record<string, string[]> };
  readonly adminToken: string;
  /** Reads the configuration again, and changes what can change while it runs. @throws ConfigError: nothing has changed then */
  reload(): Promise<ReloadReport>;
  /** Says at once that it is not ready, stops accepting, lets responses finish for `serve.drainFor`, then closes everything. */
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
    openWebhooks(settings, options, parts, undo);
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
  const serving = { inherited: inheritedSockets(process.env, process.pid), undo };
  const identities = openIdentities(settings, options, undo);
  const book = addressBook(settings);
  const serve = { ...settings.serve };
  const clientLimits = new ClientLimits(serve, (address) => parts.access.isProxy(address));
  const offload = createOffload(settings.serve.offload, (address) => parts.access.isProxy(address));
  const openPull = (bound: string | undefined, addresses: readonly ListenAddress[]): Promise<string[]> => {
    const listener = createPullListener({
      ...parts,
      book,
      bound,
      clientLimits,
      now: () => (options.clock ?? systemClock).now(),
      offload,
      readerLimits: serve,
      logger,
    });
    const limits = { keepAliveTimeoutMs, headersTimeoutMs, hasBodies: parts.push.isOpen };
    return openAll(addresses, serving, (place) => {
      const server = withIdentity(
        place,
        identities.pull,
        () => createPullServer(listener, limits),
        (tls) => createPullServer(listener, limits, tls),
      );
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
  const { readSettings = () => settings } = options;
  const reload = new Reload(settings, { readSettings, parts, logger, identities, book, serve });
  const operations = createOperations(parts, {
    clock: options.clock ?? systemClock,
    onError: onJobFailed,
    undo,
    reload: () => reload.run(),
  });
  const activity = { fills: () => parts.cache.fills(), history: () => parts.history.read() };
  const eventStream = openEventStream(parts, { ...options, stats }, undo);
  const page = await readPage();
  const openAdmin = (place: Place): Server => {
    const app = createAdminApp({
      ...health,
      stats,
      operations,
      activity,
      eventStream,
      page,
      token: adminToken,
      isLoopback: isLoopback(place),
      isUnixSocket: place.kind === "unix",
    });
    return withIdentity(
      place,
      identities.admin,
      () => createServer(app),
      (tls) => createTlsServer(tls, app),
    );
  };
  const admin = await openAll(settings.admin.listen, serving, openAdmin);
  for (const address of settings.admin.listen) {
    // Who can write to the socket can do what the token allows.
    if (address.kind === "unix") await chmod(address.path, 0o600);
  }
  const metrics = await openAll(settings.metrics.listen, serving, () => createServer(createMetricsApp(health)));
  pull.push(...(await openPull(undefined, settings.listen)));
  const bound: Record<string, string[]> = {};
  for (const { name, listen: own } of settings.upstreams) {
    if (own.length > 0) bound[name] = await openPull(name, own);
  }
  return {
    addresses: { pull, admin, metrics, bound },
    adminToken,
    reload: () => reload.run(),
    async stop() {
      state.isDraining = true;
      await Promise.all(pullServers.map((server) => drainServer(server, serve.drainForMs)));
      await unwind();
    },
  };
}

interface Identities {
  pull: ListenerIdentity | undefined;
  admin: ListenerIdentity | undefined;
}

function openIdentities(settings: Settings, { logger, clock = systemClock }: AppOptions, undo: Undo): Identities {
  const open = (path: string, tls: ServerTlsSettings | undefined): ListenerIdentity | undefined => {
    if (!tls) return undefined;
    const setTimer = (ms: number, action: () => void): (() => void) => clock.setTimer(ms, action);
    const identity = new ListenerIdentity(tls, { path, now: () => clock.now(), setTimer, logger });
    undo.push(() => identity.close());
    return identity;
  };
  return { pull: open("tls", settings.tls), admin: open("admin.tls", settings.admin.tls) };
}

/** A server that shows the identity; a plain one where there is none, and on a unix socket of ours, which nobody can read along. */
function withIdentity(
  place: Place,
  identity: ListenerIdentity | undefined,
  createPlain: () => Server,
  createTls: (options: TlsOptions) => TlsServer,
): Server {
  if (!identity || place.kind === "unix") return createPlain();
  const server = createTls(identity.serverOptions);
  identity.attach(server);
  return server;
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

function openWebhooks(
  settings: Settings,
  { version, logger, clock = systemClock }: AppOptions,
  { events, metrics }: Parts,
  undo: Undo,
): void {
  const webhooks = startWebhooks(settings.events.webhooks, {
    events,
    instance: { name: hostname(), version },
    now: () => clock.now(),
    setTimer: (ms, action) => clock.setTimer(ms, action),
    observer: observeWebhooks({ metrics, logger, clock }),
  });
  undo.push(() => webhooks.close());
}

interface Serving {
  inherited: readonly InheritedSocket[];
  undo: Undo;
}

/** One server per place, since a server listens once. Resolves to the addresses as they came to be. */
async function openAll(
  addresses: readonly ListenAddress[],
  { inherited, undo }: Serving,
  create: (place: Place) => Server,
): Promise<string[]> {
  const places = addresses.flatMap((address) => placesOf(address, inherited));
  return Promise.all(
    places.map(async (place) => {
      const server = create(place);
      const opened = await openListener(server, place);
      undo.push(() => drainServer(server, 0));
      return opened;
    }),
  );
}
