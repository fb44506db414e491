import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stringify } from "smol-toml";
import { leftWithProblem, type Change } from "./change.ts";
import { isErrno } from "./errno.ts";
import { ManagedFile } from "./managed-file.ts";
import type { InstallOptions, Runtime } from "./runtime.ts";
import { isTable, parseToml, type Table } from "./toml.ts";

const ownName = "99-entrepot.conf";

/**
 * CRI-O and podman: a drop-in of our own. In it an entry replaces whole what earlier files say of the same prefix, so it
 * repeats that, with our mirror in front (containers-registries.conf(5)). Nobody else's file is touched.
 */
export const crio: Runtime = {
  directory: "/etc/containers",
  install(directory, options) {
    const own = ownFile(directory);
    const entries = new Map<string, { entry: Table; file: string }>();
    for (const file of configurationFiles(directory)) {
      const read = readEntries(file);
      if (typeof read === "string") return [leftWithProblem(file, read)];
      for (const entry of read) entries.set(prefixOf(entry), { entry, file });
    }
    const problems: Change[] = [];
    const registry = options.registries.flatMap((name) => {
      const found = entries.get(name);
      if (found && isAfterOurs(directory, found.file)) {
        problems.push(leftWithProblem(found.file, `has the last word on ${name}, since its name comes after ours`));
        return [];
      }
      return [withMirror(name, found?.entry ?? {}, options)];
    });
    return [own.write(stringify({ registry })), ...problems];
  },
  uninstall: (directory) => [ownFile(directory).restore() ?? []].flat(),
};

function ownFile(directory: string): ManagedFile {
  return new ManagedFile(join(directory, "registries.conf.d", ownName));
}

function mainFile(directory: string): string {
  return join(directory, "registries.conf");
}

function configurationFiles(directory: string): string[] {
  const dropIns = join(directory, "registries.conf.d");
  const names = readdirOrNone(dropIns).filter((name) => name.endsWith(".conf") && name !== ownName);
  return [mainFile(directory), ...names.sort().map((name) => join(dropIns, name))];
}

/** The main file comes before all drop-ins, and these in the order of their names. */
function isAfterOurs(directory: string, file: string): boolean {
  return file !== mainFile(directory) && basename(file) > ownName;
}

/** The `[[registry]]` entries of a file; a string where containers/image refuses it, and with it all of the configuration. */
function readEntries(file: string): Table[] | string {
  const text = readOrNone(file);
  if (text === undefined) return [];
  const document = parseToml(text);
  if (!document) return "is not TOML: nothing can be pulled with it";
  const { registry = [], registries } = document;
  if (isTable(registries)) return "has the old form ([registries.search]), which does not go with [[registry]]";
  if (!Array.isArray(registry) || !registry.every(isTable)) return "must write [[registry]], with two brackets";
  return registry;
}

function prefixOf({ prefix, location }: Table): string {
  return typeof prefix === "string" && prefix !== "" ? prefix : String(location);
}

function withMirror(name: string, entry: Table, { address }: InstallOptions): Table {
  const { protocol, host } = new URL(address);
  const ours = { location: `${host}/${name.replace(":", "_")}`, insecure: protocol === "http:" };
  const mirrors = Array.isArray(entry["mirror"]) ? entry["mirror"].filter(isTable) : [];
  const others = mirrors.filter(({ location }) => location !== ours.location);
  return { prefix: name, location: name, ...entry, mirror: [ours, ...others] };
}

function readOrNone(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function readdirOrNone(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
