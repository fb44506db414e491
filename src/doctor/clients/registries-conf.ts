import type { Files } from "./files.ts";
import { isTable, parseToml, stringsOf, TomlInvalid, type Table } from "./toml.ts";

/** One `[[registry]]` of containers-registries.conf(5). */
export interface RegistryEntry {
  prefix: string;
  location: string;
  isInsecure: boolean;
  isBlocked: boolean;
  isDigestOnly: boolean;
  mirrors: { location: string; isInsecure: boolean; pulls: "all" | "digest-only" | "tag-only" }[];
  /** Which file has the last word on this prefix. */
  file: string;
  /** Files whose entry for the same prefix it replaces. */
  replaces: string[];
}

export interface RegistriesConf {
  /** The files that were read, in their order. */
  files: string[];
  entries: RegistryEntry[];
  unqualified: string[];
}

const system = "/etc/containers/registries.conf";

/** The configuration refused as a whole, as containers/image refuses it; no image can be pulled then. */
export class RegistriesInvalid extends Error {
  override readonly name = "RegistriesInvalid";
}

/**
 * Merges the main file, a user's own if there is one, and the drop-ins in the order of their names; an entry replaces
 * an earlier one with the same prefix whole (containers/image, pkg/sysregistriesv2).
 * @throws RegistriesInvalid
 */
export function readRegistriesConf(files: Files, home: string): RegistriesConf {
  const own = `${home}/.config/containers/registries.conf`;
  const main = files.read(own) === undefined ? system : own;
  const directories = [`${system}.d`, `${own}.d`];
  const names = [main, ...directories.flatMap((directory) => dropIns(files, directory))];
  const conf: RegistriesConf = { files: [], entries: [], unqualified: [] };
  for (const file of names) {
    const text = files.read(file);
    if (text === undefined) continue;
    conf.files.push(file);
    merge(conf, file, parse(file, text), file === main);
  }
  return conf;
}

function dropIns(files: Files, directory: string): string[] {
  return files
    .list(directory)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => `${directory}/${name}`);
}

function parse(file: string, text: string): Table {
  try {
    return parseToml(text);
  } catch (error) {
    if (error instanceof TomlInvalid) throw new RegistriesInvalid(`${file} ${error.message}`, { cause: error });
    throw error;
  }
}

function merge(conf: RegistriesConf, file: string, document: Table, isMain: boolean): void {
  const isOld = ["search", "insecure", "block"].some(
    (name) => isTable(document["registries"]) && name in document["registries"],
  );
  const isNew = "registry" in document || "unqualified-search-registries" in document;
  if (isOld && (isNew || !isMain)) {
    throw new RegistriesInvalid(`${file} mixes the old form ([registries.search]) with the new one ([[registry]])`);
  }
  if ("unqualified-search-registries" in document) {
    conf.unqualified = stringsOf(document["unqualified-search-registries"]);
  }
  const written = document["registry"] ?? [];
  if (!Array.isArray(written)) throw new RegistriesInvalid(`${file} must write [[registry]], with two brackets`);
  for (const table of written.filter(isTable)) {
    const entry = readEntry(file, table);
    const earlier = conf.entries.find(({ prefix }) => prefix === entry.prefix);
    if (earlier) entry.replaces = [...earlier.replaces, earlier.file].filter((name) => name !== file);
    conf.entries = [...conf.entries.filter((other) => other !== earlier), entry];
  }
}

function readEntry(file: string, table: Table): RegistryEntry {
  const given = textOf(table["location"]);
  const prefix = checkLocation(file, textOf(table["prefix"]) ?? given ?? "");
  if (given === undefined && !prefix.startsWith("*.")) {
    throw new RegistriesInvalid(`${file} has a [[registry]] without a location`);
  }
  const mirrors = Array.isArray(table["mirror"]) ? table["mirror"].filter(isTable) : [];
  return {
    prefix,
    location: checkLocation(file, given ?? ""),
    isInsecure: table["insecure"] === true,
    isBlocked: table["blocked"] === true,
    isDigestOnly: table["mirror-by-digest-only"] === true,
    mirrors: mirrors.map((mirror) => ({
      location: checkLocation(file, textOf(mirror["location"]) ?? ""),
      isInsecure: mirror["insecure"] === true,
      pulls: pullsOf(file, mirror["pull-from-mirror"]),
    })),
    file,
    replaces: [],
  };
}

function checkLocation(file: string, location: string): string {
  const trimmed = location.replace(/\/+$/, "");
  if (/^https?:\/\//.test(trimmed)) {
    throw new RegistriesInvalid(`${file} has a location with a scheme (${trimmed}), which must be left out`);
  }
  return trimmed;
}

function pullsOf(file: string, value: unknown): "all" | "digest-only" | "tag-only" {
  if (value === undefined || value === "" || value === "all") return "all";
  if (value === "digest-only" || value === "tag-only") return value;
  throw new RegistriesInvalid(`${file} has a pull-from-mirror that is not all, digest-only or tag-only`);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether the entry is for `name`, a registry or a repository in it. */
export function isFor({ prefix }: RegistryEntry, name: string): boolean {
  if (prefix.startsWith("*.")) return (name.split("/", 1)[0] ?? "").endsWith(prefix.slice(1));
  return name === prefix || name.startsWith(`${prefix}/`);
}
