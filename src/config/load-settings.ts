import type { z } from "zod";
import { resolveAccess } from "./access.ts";
import { checkKeys, isSection, type ConfigDocument } from "./check-keys.ts";
import { findConflicts } from "./conflicts.ts";
import { applyEnvironment, applyFlags, type Origins } from "./environment.ts";
import { ConfigError, type ConfigFault } from "./errors.ts";
import { readConfigFile } from "./file.ts";
import type { ListenAddress } from "./hosts.ts";
import { resolvePins } from "./pins.ts";
import { resolvePolicies } from "./policies.ts";
import { documentSchema, type DocumentSettings } from "./schema.ts";
import type { Settings } from "./settings.ts";
import { resolveServerTls } from "./server-tls.ts";
import { resolveUpstreams } from "./upstreams.ts";
import { resolveWebhooks } from "./webhooks.ts";

export interface SettingsSource {
  /** The YAML file; without one the defaults hold. */
  file?: string | undefined;
  environment: NodeJS.ProcessEnv;
  /** Values of flags by dotted path: `{ "admin.listen": "127.0.0.1:5001" }`. */
  flags?: Readonly<Record<string, string>>;
}

/**
 * The settings that hold: flag over environment over file over default. Reads the files that the configuration names.
 * @throws ConfigError with every fault at once.
 */
export function loadSettings({ file, environment, flags = {} }: SettingsSource): Settings {
  const written = file === undefined ? {} : readConfigFile(file);
  const origins: Origins = new Map();
  const faults = applyEnvironment(written, environment, origins);
  applyFlags(written, flags, origins);
  const checked = checkKeys(written);
  const document = parseLeniently(checked.document, faults);
  const settings = resolveSettings(document, environment, faults);
  const all = [...checked.faults, ...faults];
  if (all.length > 0) throw new ConfigError(all.map((fault) => withOrigin(fault, origins)));
  return deepFreeze(settings);
}

/** What can be read of the document: faulty values are reported and taken out, so that the rest is looked at too. */
function parseLeniently(written: ConfigDocument, faults: ConfigFault[]): DocumentSettings {
  for (let round = 0; round < 10; round++) {
    const parsed = documentSchema.safeParse(written);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      faults.push({ path: formatPath(issue.path, written), message: issue.message });
      removeAt(written, issue.path);
    }
  }
  return {};
}

function resolveSettings(document: DocumentSettings, environment: NodeJS.ProcessEnv, faults: ConfigFault[]): Settings {
  const settings: Settings = {
    listen: document.listen ?? [loopback(5000)],
    admin: {
      listen: document.admin?.listen ?? [loopback(5001)],
      tokenFile: document.admin?.tokenFile,
      tls: resolveServerTls(document.admin?.tls ?? {}, "admin.tls", faults),
    },
    tls: resolveServerTls(document.tls ?? {}, "tls", faults),
    metrics: { listen: document.metrics?.listen ?? [] },
    dataDir: document.dataDir ?? "./data",
    storage: {
      maxSize: document.storage?.maxSize,
      minFree: document.storage?.minFree ?? { kind: "share", share: 0.1 },
      highWatermark: document.storage?.highWatermark ?? 0.95,
      lowWatermark: document.storage?.lowWatermark ?? 0.9,
    },
    eviction: {
      leaseForMs: document.eviction?.leaseFor ?? 900_000,
      orphanGraceMs: document.eviction?.orphanGrace ?? 3_600_000,
    },
    abandoned: {
      lingerMs: document.abandoned?.linger ?? 5000,
      keepForMs: document.abandoned?.keepFor ?? 900_000,
    },
    pins: resolvePins(document.pins ?? [], faults),
    scrub: {
      everyMs: document.scrub?.every ?? 30 * 86_400_000,
      rateBytesPerSecond: document.scrub?.rate ?? 50 * 1024 ** 2,
      verifyOnRead: document.scrub?.verifyOnRead ?? "stale",
    },
    memory: {
      hotBlobsBytes: document.memory?.hotBlobs ?? 64 * 1024 ** 2,
      maxHotBlobBytes: document.memory?.maxHotBlob ?? 256 * 1024,
    },
    serve: {
      idleTimeoutMs: document.serve?.idleTimeout ?? 120_000,
      minRateBytesPerSecond: document.serve?.minRate ?? 1024,
      drainForMs: document.serve?.drainFor ?? 25_000,
      connectionsPerClient: document.serve?.connectionsPerClient ?? 0,
      fillsPerClient: document.serve?.fillsPerClient ?? 0,
      offload: document.serve?.offload ?? "none",
    },
    access: resolveAccess(document.access ?? {}, faults),
    trustedProxies: document.trustedProxies ?? [],
    allowPlaintext: document.allowPlaintext ?? false,
    denyDigests: document.denyDigests ?? [],
    events: { webhooks: resolveWebhooks(document.events?.webhooks ?? [], faults) },
    log: { level: document.log?.level ?? "info", format: document.log?.format ?? "auto" },
    offline: document.offline ?? false,
    defaultUpstream: document.defaultUpstream ?? "docker.io",
    upstreams: resolveUpstreams(document, environment, faults),
  };
  faults.push(...resolvePolicies([{ path: "", document }]).faults, ...findConflicts(settings));
  return settings;
}

function loopback(port: number): ListenAddress {
  return { kind: "tcp", host: "127.0.0.1", port };
}

/** `a.b[0].c`. An index into what is written as one section, which may stand for a list of one, is left out. */
function formatPath(path: readonly PropertyKey[], written: ConfigDocument): string {
  let text = "";
  let place: unknown = written;
  for (const part of path) {
    if (typeof part === "number" && isSection(place)) continue;
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
    place = typeof place === "object" && place !== null ? (place as Record<PropertyKey, unknown>)[part] : undefined;
  }
  return text;
}

/** Takes out the value at `path`, or the whole list or credentials it is part of: what is left of those means something else. */
function removeAt(document: ConfigDocument, path: z.core.$ZodIssue["path"]): void {
  let section = document;
  for (const part of path.slice(0, -1)) {
    const next = section[String(part)];
    if (!isSection(next) || part === "credentials") {
      Reflect.deleteProperty(section, String(part));
      return;
    }
    section = next;
  }
  Reflect.deleteProperty(section, String(path.at(-1)));
}

function withOrigin(fault: ConfigFault, origins: Origins): ConfigFault {
  const origin = origins.get(fault.path);
  return origin === undefined ? fault : { ...fault, message: `${fault.message} (from ${origin})` };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
