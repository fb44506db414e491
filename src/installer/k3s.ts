import { join } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, YAMLMap, YAMLSeq, type Document } from "yaml";
import { leftAsIs, leftWithProblem, type Change } from "./change.ts";
import { ManagedFile } from "./managed-file.ts";
import type { InstallOptions, Runtime } from "./runtime.ts";

/** k3s and RKE2 make containerd's hosts.toml from one file at each start, and ask the registry itself last. */
export const k3s: Runtime = {
  directory: "/etc/rancher/k3s",
  install(directory, options) {
    const file = registriesFile(directory);
    const document = parseDocument(file.readEarlier() ?? "");
    const fault = faultOf(document);
    if (fault !== undefined) return [leftWithProblem(file.path, fault)];
    const before = JSON.stringify(document);
    const problems = addMirrors(document, options, file.path);
    if (JSON.stringify(document) === before) {
      return problems.length > 0 ? problems : [file.restore() ?? leftAsIs(file.path, "points here already")];
    }
    return [file.write(document.toString({ lineWidth: 0 })), ...problems];
  },
  uninstall: (directory) => [registriesFile(directory).restore() ?? []].flat(),
};

function registriesFile(directory: string): ManagedFile {
  return new ManagedFile(join(directory, "registries.yaml"));
}

function faultOf(document: Document): string | undefined {
  if (document.errors.length > 0) return "is not YAML: k3s does not take it";
  if (document.contents !== null && !isMap(document.contents) && !isEmptyScalar(document.contents)) {
    return "is no map: k3s does not take it";
  }
  const mirrors = isMap(document.contents) ? document.get("mirrors") : undefined;
  return mirrors === undefined || mirrors === null || isMap(mirrors) ? undefined : "has `mirrors` that are no map";
}

function isEmptyScalar(value: unknown): boolean {
  return isScalar(value) && value.value === null;
}

/** `*` means every registry without an entry of its own; of the others those that entrepot knows get it in front. */
function addMirrors(document: Document, { address, registries }: InstallOptions, path: string): Change[] {
  if (!isMap(document.contents)) document.contents = new YAMLMap();
  if (!isMap(document.get("mirrors"))) document.set("mirrors", new YAMLMap());
  const mirrors = document.get("mirrors") as YAMLMap;
  if (!mirrors.has("*")) mirrors.set(document.createNode("*"), document.createNode({ endpoint: [address] }));
  const problems: Change[] = [];
  for (const { key, value } of mirrors.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    if (name !== "*" && !registries.includes(name)) continue;
    const problem = putInFront(value, address);
    if (problem !== undefined) problems.push(leftWithProblem(path, `mirrors.${name} ${problem}`));
  }
  return problems;
}

function putInFront(entry: unknown, address: string): string | undefined {
  if (!isMap(entry)) return "is no map";
  if (entry.has("rewrite")) return "has a rewrite, which would change the names that entrepot is asked for";
  const endpoints = entry.get("endpoint") ?? new YAMLSeq();
  if (!isSeq(endpoints)) return "has an `endpoint` that is no list";
  if (endpoints.toJSON().includes(address)) return undefined;
  endpoints.items.unshift(address);
  entry.set("endpoint", endpoints);
  return undefined;
}
