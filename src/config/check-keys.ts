import { documentedKeys, type Key, type Keys } from "./documented-keys.ts";
import type { ConfigFault } from "./errors.ts";
import { suggest } from "./suggestion.ts";

export type ConfigDocument = Record<string, unknown>;

/**
 * Finds keys that are unknown, everywhere at once.
 * @returns the document with the known keys only, and the faults.
 */
export function checkKeys(document: ConfigDocument): { document: ConfigDocument; faults: ConfigFault[] } {
  const faults: ConfigFault[] = [];
  return { document: checkSection(document, documentedKeys, "", faults), faults };
}

function checkSection(section: ConfigDocument, keys: Keys, path: string, faults: ConfigFault[]): ConfigDocument {
  const kept: ConfigDocument = {};
  for (const [name, value] of Object.entries(section)) {
    const here = path === "" ? name : `${path}.${name}`;
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
    if (key === undefined) {
      faults.push({ path: here, message: `unknown key${suggest(name, Object.keys(keys))}` });
    } else {
      const checked = checkValue(value, key, here, faults);
      if (checked !== undefined) kept[name] = checked;
    }
  }
  return kept;
}

/** What the schema shall look at; undefined where there is nothing left to look at. */
function checkValue(value: unknown, key: Key, path: string, faults: ConfigFault[]): unknown {
  if (key.kind === "built") return value;
  if (key.kind === "list" || (key.kind === "section" && key.isAlsoList && Array.isArray(value))) {
    if (!Array.isArray(value)) return value;
    return value.map((item: unknown, index) =>
      isSection(item) ? checkSection(item, key.keys, `${path}[${index}]`, faults) : item,
    );
  }
  if (value === null) return undefined;
  if (!isSection(value)) {
    faults.push({ path, message: "must be a section of keys" });
    return undefined;
  }
  if (key.kind === "map") return checkMap(value, key.keys, path, faults);
  const section = checkSection(value, key.keys, path, faults);
  return Object.keys(section).length > 0 ? section : undefined;
}

function checkMap(map: ConfigDocument, keys: Keys, path: string, faults: ConfigFault[]): ConfigDocument {
  const entries = Object.entries(map).map(([name, value]) => [
    name,
    checkValue(value, { kind: "section", keys }, `${path}.${name}`, faults) ?? {},
  ]);
  return Object.fromEntries(entries) as ConfigDocument;
}

export function isSection(value: unknown): value is ConfigDocument {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
