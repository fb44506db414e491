import { findingsOf, type Finding } from "../finding.ts";
import {
  allPast,
  loginProblem,
  past,
  routeFindings,
  through,
  type ClientFacts,
  type ClientKind,
  type Reading,
  type Route,
} from "./client.ts";
import { readCriConfig, type CriConfig } from "./containerd-config.ts";
import { routeByHosts } from "./hosts-toml.ts";
import { placeProblem } from "./probe.ts";

const file = "/etc/containerd/config.toml";
const usualRoot = "/etc/containerd/certs.d";

/** containerd by its CRI plugin, as Kubernetes uses it. nerdctl and `ctr --hosts-dir` read the same directory without config_path. */
export const containerd: ClientKind = {
  snippets: ({ address }) => [
    {
      path: `${usualRoot}/_default/hosts.toml`,
      text: `[host."${address.scheme}://${address.authority}"]\n  capabilities = ["pull", "resolve"]\n`,
      says: "for every registry that has no directory of its own there; takes effect at once",
    },
    {
      path: file,
      text: `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "${usualRoot}"\n`,
      says: 'in a file with version = 3 the table is [plugins."io.containerd.cri.v1.images".registry]; restart containerd',
    },
  ],
  async read(facts) {
    const { failed } = findingsOf(file);
    const config = readCriConfig(facts.files, file);
    if (typeof config === "string") return allPast(facts, failed("config.toml", config));
    const conflict = conflictOf(config);
    if (conflict !== undefined) return allPast(facts, failed("config_path", conflict));
    if (config.roots.length > 0) return readRoots(facts, config);
    return config.hasMirrors ? readMirrors(facts, config) : allPast(facts, noPath(config));
  },
};

function conflictOf({ roots, hasMirrors, hasTlsConfigs }: CriConfig): string | undefined {
  if (roots.length === 0 || !(hasMirrors || hasTlsConfigs)) return undefined;
  const beside = hasMirrors ? "registry.mirrors" : "registry.configs with tls";
  return `config_path and ${beside} are both set: the CRI plugin does not load, and nothing is pulled`;
}

function noPath({ version, isDisabled, isVersionMissing }: CriConfig): Finding {
  const { failed } = findingsOf(file);
  const todo = `set config_path = "${usualRoot}", and restart containerd`;
  if (isDisabled) return failed("CRI plugin", "is disabled: Kubernetes cannot pull here at all", todo);
  const newer = version >= 3 ? `; containerd 2.1 and newer then read ${usualRoot}, 2.0 does not` : "";
  if (isVersionMissing) {
    return failed("version", "the file has no `version = 2`, and the table of the CRI plugin is read as nothing", todo);
  }
  return failed("config_path", `is not set: hosts.toml is not read, and every pull goes to the registry${newer}`, todo);
}

async function readRoots(facts: ClientFacts, config: CriConfig): Promise<Reading> {
  const remarks: Finding[] = [];
  const routes: Route[] = [];
  for (const registry of facts.upstreams) {
    const route = await routeByHosts(facts, config.roots, registry);
    routes.push(route.comesThrough ? through(registry) : past(registry, route.why ?? ""));
    remarks.push(...route.remarks.map((remark) => findingsOf(registry).warning("hosts.toml", remark)));
  }
  return { findings: [pathFinding(facts, config), ...routeFindings(routes, "hosts.toml"), ...remarks], routes };
}

function pathFinding({ files }: ClientFacts, { roots, isDisabled }: CriConfig): Finding {
  const { ok, warning, failed } = findingsOf(file);
  const missing = roots.filter((root) => !files.isDirectory(root));
  if (missing.length === roots.length)
    return failed("config_path", `${missing.join(", ")}: there is no such directory`);
  if (isDisabled)
    return warning("CRI plugin", "is disabled: config_path is of no use; nerdctl and ctr read the directory");
  return ok("config_path", roots.join(":"));
}

/** The old form: the endpoints of a registry, or of `*`. */
async function readMirrors(facts: ClientFacts, { mirrors }: CriConfig): Promise<Reading> {
  const { warning } = findingsOf(file);
  const says = "is the old form, which newer versions of containerd do not know: use config_path and hosts.toml";
  const routes: Route[] = [];
  for (const registry of facts.upstreams) {
    const problem = await mirrorsProblem(facts, registry, mirrors[registry] ?? mirrors["*"] ?? []);
    routes.push(problem === undefined ? through(registry) : past(registry, problem));
  }
  return { findings: [warning("registry.mirrors", says), ...routeFindings(routes, "mirrors")], routes };
}

async function mirrorsProblem(
  facts: ClientFacts,
  registry: string,
  endpoints: readonly string[],
): Promise<string | undefined> {
  const problems: string[] = [];
  for (const endpoint of endpoints) {
    const url = URL.parse(endpoint);
    if (!url) {
      problems.push(`${endpoint} is not a URL`);
      continue;
    }
    const address = { scheme: url.protocol === "https:" ? "https" : "http", authority: url.host } as const;
    const problem = placeProblem(address, await facts.probe(address)) ?? loginProblem(facts);
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  return problems.length > 0 ? problems.join("; ") : `names no endpoint for ${registry}`;
}
