import { isDeepStrictEqual } from "node:util";
import type { ReloadReport } from "./admin/index.ts";
import { addressBook } from "./address-book.ts";
import { changedPaths, ConfigError, takeLiveSettings, type Settings, type UpstreamEntry } from "./config/index.ts";
import type { ListenerIdentity } from "./listeners/index.ts";
import { openEntry, type Parts } from "./parts.ts";
import type { AddressBook } from "./registry/index.ts";
import type { Logger } from "./telemetry/index.ts";

export interface ReloadPorts {
  /** @throws ConfigError */
  readSettings: () => Settings;
  parts: Parts;
  logger: Logger;
  identities: { pull: ListenerIdentity | undefined; admin: ListenerIdentity | undefined };
  /** Looked at for each request; changed in place. */
  book: AddressBook;
  serve: Settings["serve"];
}

/** Reads the configuration again while the server runs, one time after the other. */
export class Reload {
  readonly #ports: ReloadPorts;
  #current: Settings;
  #underway: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, ports: ReloadPorts) {
    this.#current = settings;
    this.#ports = ports;
  }

  /** Changes what can be changed. @throws ConfigError with every fault; nothing has changed then */
  run(): Promise<ReloadReport> {
    const run = this.#underway.then(() => this.#reload());
    this.#underway = run.catch(() => undefined);
    return run;
  }

  async #reload(): Promise<ReloadReport> {
    const { readSettings, logger } = this.#ports;
    const before = this.#current;
    const wanted = readOrTell(readSettings, logger);
    const next = takeLiveSettings(before, wanted);
    const changed = changedPaths(before, next);
    const needsRestart = changedPaths(next, wanted);
    await this.#apply(before, next);
    this.#current = next;
    const report = { changed, needsRestart };
    if (needsRestart.length === 0) logger.info(report, "the configuration was read again");
    else logger.warn(report, "the configuration was read again; some of it holds from the next start on");
    return report;
  }

  async #apply(before: Settings, next: Settings): Promise<void> {
    const { parts, logger, identities, book, serve } = this.#ports;
    // First what can fail: everything after it cannot.
    if (changedPaths(before, next).includes("pins")) await parts.eviction.setConfigPins(next.pins);
    logger.level = next.log.level;
    Object.assign(serve, next.serve);
    Object.assign(book, addressBook(next));
    if (next.tls) identities.pull?.use(next.tls);
    if (next.admin.tls) identities.admin?.use(next.admin.tls);
    this.#applyUpstreams(before, next);
    parts.cache.policiesChanged();
    parts.access.apply(next);
  }

  /** A client that is replaced goes on with the downloads it has begun; it is closed at the end. */
  #applyUpstreams(before: Settings, next: Settings): void {
    const { parts } = this.#ports;
    for (const entry of next.upstreams) {
      const opened = parts.upstreams.find(({ name }) => name === entry.name);
      const known = before.upstreams.find(({ name }) => name === entry.name);
      if (!opened || !known) continue;
      const isSame = isDeepStrictEqual(clientPart(known), clientPart(entry));
      const upstream = isSame ? opened.upstream : parts.openUpstream(entry);
      // Its breakers are closed, as nothing has failed yet.
      if (!isSame) for (const { host } of upstream.endpoints()) parts.metrics.breakerChanged(entry.name, host, false);
      Object.assign(opened, openEntry(entry, next, upstream));
    }
  }
}

function readOrTell(readSettings: () => Settings, logger: Logger): Settings {
  try {
    return readSettings();
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults : undefined;
    if (faults) logger.error({ faults }, "the configuration is faulty: nothing has changed");
    throw error;
  }
}

/** Of an upstream, what its client is made of; policies are looked at elsewhere. */
function clientPart(entry: UpstreamEntry): object {
  const policies = { tags: undefined, tagPatterns: undefined, allow: undefined, deny: undefined, hostnames: undefined };
  return { ...entry, ...policies };
}
