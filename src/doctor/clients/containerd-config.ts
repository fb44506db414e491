import type { Files } from "./files.ts";
import { isTable, parseToml, stringsOf, tableAt, TomlInvalid, type Table } from "./toml.ts";

const criPlugins: Readonly<Record<number, string>> = {
  1: "cri",
  2: "io.containerd.grpc.v1.cri",
  3: "io.containerd.cri.v1.images",
};

/** The `registry` table of the CRI plugin in containerd's config.toml, with what the imported files change. */
export interface CriConfig {
  version: number;
  /** Directories, in their order; empty where none is set. */
  roots: string[];
  /** `registry.mirrors`: the old form; by registry or `*`. */
  mirrors: Readonly<Record<string, string[]>>;
  hasMirrors: boolean;
  /** `registry.configs` with TLS settings: containerd takes them as little as mirrors beside config_path. */
  hasTlsConfigs: boolean;
  isDisabled: boolean;
  /** Whether the table is written as in version 2, in a file that does not say that it is of that version. */
  isVersionMissing: boolean;
}

/** @returns words where containerd does not start with the files */
export function readCriConfig(files: Files, file: string): CriConfig | string {
  const text = files.read(file) ?? "";
  let document: Table;
  try {
    document = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlInvalid)) throw error;
    return `${file} ${error.message}: containerd does not start with it`;
  }
  const imported = readImports(files, file, document);
  if (typeof imported === "string") return imported;
  const version = typeof document["version"] === "number" ? document["version"] : 1;
  const plugin = criPlugins[version] ?? criPlugins[3] ?? "";
  // A plugin's table in a later file takes the place of the whole table before.
  const tables = [document, ...imported].map((each) => tableAt(each, "plugins")[plugin]).filter(isTable);
  const registry = tableAt(tables.at(-1) ?? {}, "registry");
  const disabled = [document, ...imported].flatMap((each) => stringsOf(each["disabled_plugins"]));
  return {
    version,
    ...readRegistry(registry),
    isDisabled: disabled.some((name) => name === "cri" || name === plugin),
    isVersionMissing: version === 1 && (criPlugins[2] ?? "") in tableAt(document, "plugins"),
  };
}

function readRegistry(registry: Table): Omit<CriConfig, "version" | "isDisabled" | "isVersionMissing"> {
  const path = registry["config_path"];
  const mirrors = tableAt(registry, "mirrors");
  const configs = Object.values(tableAt(registry, "configs"));
  return {
    roots: typeof path === "string" ? path.split(":").filter((root) => root !== "") : [],
    mirrors: Object.fromEntries(
      Object.entries(mirrors).map(([name, mirror]) => [name, isTable(mirror) ? stringsOf(mirror["endpoint"]) : []]),
    ),
    hasMirrors: Object.keys(mirrors).length > 0,
    hasTlsConfigs: configs.some((config) => isTable(config) && config["tls"] !== undefined),
  };
}

function readImports(files: Files, file: string, document: Table): Table[] | string {
  const tables: Table[] = [];
  for (const pattern of stringsOf(document["imports"])) {
    for (const path of expand(files, file, pattern)) {
      try {
        tables.push(parseToml(files.read(path) ?? ""));
      } catch (error) {
        if (!(error instanceof TomlInvalid)) throw error;
        return `${path} ${error.message}: containerd does not start with it`;
      }
    }
  }
  return tables;
}

/** A path, or a pattern whose last part has `*`, as in `/etc/containerd/conf.d/*.toml`. */
function expand(files: Files, file: string, pattern: string): string[] {
  const absolute = pattern.startsWith("/") ? pattern : `${file.slice(0, file.lastIndexOf("/"))}/${pattern}`;
  const directory = absolute.slice(0, absolute.lastIndexOf("/"));
  const name = absolute.slice(directory.length + 1);
  if (!name.includes("*")) return [absolute];
  const [before = "", after = ""] = name.split("*", 2);
  const fitting = files.list(directory).filter((each) => each.startsWith(before) && each.endsWith(after));
  return fitting.map((each) => `${directory}/${each}`);
}
