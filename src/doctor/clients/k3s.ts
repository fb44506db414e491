import { parse, YAMLParseError } from "yaml";
import { findingsOf } from "../finding.ts";
import type { Address } from "./address.ts";
import {
  allPast,
  loginProblem,
  past,
  routeFindings,
  through,
  type ClientFacts,
  type ClientKind,
  type Route,
} from "./client.ts";
import { placeProblem } from "./probe.ts";
import { isTable, stringsOf, tableAt, type Table } from "./toml.ts";

const file = "/etc/rancher/k3s/registries.yaml";

/** k3s, and RKE2 with `/etc/rancher/rke2/registries.yaml`: from it they write containerd's hosts.toml at each start. */
export const k3s: ClientKind = {
  snippets: ({ address }) => [
    {
      path: file,
      text: `mirrors:\n  "*":\n    endpoint: ["${address.scheme}://${address.authority}"]\n`,
      says: "RKE2: /etc/rancher/rke2/registries.yaml; restart k3s",
    },
  ],
  async read(facts) {
    const { failed } = findingsOf(file);
    const text = facts.files.read(file) ?? facts.files.read(file.replace("k3s", "rke2"));
    if (text === undefined) return allPast(facts, failed("file", "there is no such file: k3s knows of no mirror"));
    const document = parseYaml(text);
    if (typeof document === "string") return allPast(facts, failed("file", `${document}: k3s does not take it`));
    const routes: Route[] = [];
    for (const registry of facts.upstreams) {
      const problem = await registryProblem(facts, document, registry);
      routes.push(problem === undefined ? through(registry) : past(registry, problem));
    }
    return { findings: routeFindings(routes, "mirrors"), routes };
  },
};

function parseYaml(text: string): Table | string {
  try {
    const document: unknown = parse(text) ?? {};
    return isTable(document) ? document : "is not a YAML mapping";
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    return `is not YAML (line ${error.linePos?.[0].line ?? 1})`;
  }
}

/** What is written for a registry itself wins over `*`, and takes nothing from it. */
async function registryProblem(facts: ClientFacts, document: Table, registry: string): Promise<string | undefined> {
  const mirrors = tableAt(document, "mirrors");
  const [name, mirror] = registry in mirrors ? [registry, mirrors[registry]] : ["*", mirrors["*"]];
  const endpoints = isTable(mirror) ? stringsOf(mirror["endpoint"]) : [];
  if (endpoints.length === 0) {
    return name === registry
      ? `${registry} has no endpoint, and hides "*"`
      : `no mirror is for ${registry}, and none for "*"`;
  }
  const rewrites = isTable(mirror) ? Object.values(tableAt(mirror, "rewrite")).map(String) : [];
  const problems: string[] = [];
  for (const endpoint of endpoints) {
    const problem = (await endpointProblem(facts, document, endpoint, registry)) ?? rewriteProblem(rewrites, registry);
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  return problems.join("; ");
}

async function endpointProblem(
  facts: ClientFacts,
  document: Table,
  endpoint: string,
  registry: string,
): Promise<string | undefined> {
  const url = URL.parse(endpoint);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") return `${endpoint} must begin with http:// or https://`;
  const address: Address = { scheme: url.protocol === "https:" ? "https" : "http", authority: url.host };
  const place = await facts.probe(address);
  const problem = placeProblem(address, place);
  if (problem !== undefined) return problem;
  const config = tableAt(document, "configs", url.host);
  const tls = tableAt(config, "tls");
  const isTrusted = (place.kind === "entrepot" && place.isTrusted) || tls["insecure_skip_verify"] === true;
  if (!isTrusted && tls["ca_file"] === undefined)
    return `the certificate of ${url.host} is not trusted: configs need a ca_file`;
  const path = url.pathname.replace(/\/+$/, "");
  const right = ["", "/v2", `/v2/${registry.replace(":", "_")}`];
  if (!right.includes(path)) return `${endpoint} has a path where entrepot serves nothing: write it without`;
  return Object.keys(tableAt(config, "auth")).length > 0 ? undefined : loginProblem(facts);
}

/** A rewritten name may begin with the registry's, or it is another image's. */
function rewriteProblem(rewrites: readonly string[], registry: string): string | undefined {
  const wrong = rewrites.find((target) => !target.startsWith(`${registry.replace(":", "_")}/`));
  return wrong === undefined
    ? undefined
    : `names are rewritten to ${wrong}, which entrepot does not know as ${registry}`;
}
