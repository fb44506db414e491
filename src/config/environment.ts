import { isSection, type ConfigDocument } from "./check-keys.ts";
import { documentedKeys, type Keys } from "./documented-keys.ts";
import type { ConfigFault } from "./errors.ts";
import { suggest } from "./suggestion.ts";

/** Read by the command line alone; ENTREPOT_ADMIN_TOKEN_FILE, which it reads too, is `admin.tokenFile` as well. */
const otherVariables = ["ENTREPOT_CONFIG", "ENTREPOT_ADMIN_URL"];

/** Lists of sections, which have no form on one line. */
const unreachable = new Set(["pins", "events"]);

/**
 * Kubernetes gives every pod of a namespace variables for each Service; those of a Service called `entrepot` or
 * `entrepot-…` begin like ours ("Discovering services", environment variables).
 */
const serviceLink =
  /^ENTREPOT_(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;

/** Where a value comes from, by dotted path, for messages: `ENTREPOT_DATA_DIR`, `--data-dir`. */
export type Origins = Map<string, string>;

/** `storage.maxSize` → `ENTREPOT_STORAGE_MAX_SIZE`. */
export function environmentName(path: string): string {
  return `ENTREPOT_${path
    .replaceAll(".", "_")
    .replace(/[A-Z]/g, (capital) => `_${capital}`)
    .toUpperCase()}`;
}

/** Puts the values of `ENTREPOT_…` variables into `document`. An empty variable counts as absent. */
export function applyEnvironment(
  document: ConfigDocument,
  environment: NodeJS.ProcessEnv,
  origins: Origins,
): ConfigFault[] {
  const paths = new Map(scalarPaths(documentedKeys).map((path) => [environmentName(path), path]));
  const faults: ConfigFault[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("ENTREPOT_") || value === undefined || otherVariables.includes(name)) continue;
    const path = paths.get(name);
    if (path !== undefined) {
      if (value !== "") setValue(document, { path, value, origin: name, origins });
    } else if (!isServiceLink(name, value)) {
      const suggestion = suggest(name, [...paths.keys(), ...otherVariables]);
      faults.push({ path: name, message: `unknown environment variable${suggestion}` });
    }
  }
  return faults;
}

/** Puts the values of flags, keyed by dotted path, into `document`. */
export function applyFlags(document: ConfigDocument, flags: Readonly<Record<string, string>>, origins: Origins): void {
  for (const [path, value] of Object.entries(flags)) {
    const flag = `--${path.replaceAll(".", "-").replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
    setValue(document, { path, value, origin: flag, origins });
  }
}

interface Override {
  path: string;
  value: string;
  origin: string;
  origins: Origins;
}

function setValue(document: ConfigDocument, { path, value, origin, origins }: Override): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  let section = document;
  for (const name of names) {
    const next = (section[name] ??= {});
    if (!isSection(next)) return; // a fault of the file, found when its keys are checked
    section = next;
  }
  section[last] = value;
  origins.set(path, origin);
}

function scalarPaths(keys: Keys, prefix = ""): string[] {
  return Object.entries(keys).flatMap(([name, key]) => {
    if (prefix === "" && unreachable.has(name)) return [];
    if (key.kind === "section") return scalarPaths(key.keys, `${prefix}${name}.`);
    return key.kind === "built" ? [`${prefix}${name}`] : [];
  });
}

function isServiceLink(name: string, value: string): boolean {
  return serviceLink.test(name) || (name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value));
}
