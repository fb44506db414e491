import type { Address } from "./address.ts";
import { loginProblem, type ClientFacts } from "./client.ts";
import { placeProblem } from "./probe.ts";
import { isTable, parseToml, TomlInvalid, type Table } from "./toml.ts";

/** What a directory of registries says about one registry (containerd, core/remotes/docker/config/hosts.go). */
export interface HostRoute {
  comesThrough: boolean;
  /** The directory that was used; undefined where none is for this registry. */
  directory: string | undefined;
  why: string | null;
  /** What does not keep pulls from coming through. */
  remarks: string[];
}

interface Host {
  url: URL;
  options: Table;
}

const capabilities = ["pull", "resolve", "push", "referrers"];

/** How pulls of `registry` go by the first of `roots` that has a directory for it. */
export async function routeByHosts(facts: ClientFacts, roots: readonly string[], registry: string): Promise<HostRoute> {
  const directory = findDirectory(facts, roots, registry);
  if (directory === undefined) {
    return { comesThrough: false, directory, why: `${roots.join(":")} has nothing for ${registry}`, remarks: [] };
  }
  const remarks: string[] = [];
  const why = await judge(facts, directory, registry, remarks);
  return { comesThrough: why === undefined, directory, why: why ?? null, remarks };
}

/** containerd looks for these names, in this order, and takes the first that is there, whatever is in it. */
function findDirectory({ files }: ClientFacts, roots: readonly string[], registry: string): string | undefined {
  const port = /^(.*):(\d+)$/.exec(registry);
  const names = [...(port ? [`${port[1] ?? ""}_${port[2] ?? ""}_`, registry, port[1] ?? ""] : [registry]), "_default"];
  for (const root of roots) {
    const name = names.find((candidate) => files.isDirectory(`${root}/${candidate}`));
    if (name !== undefined) return `${root}/${name}`;
  }
  return undefined;
}

async function judge(
  facts: ClientFacts,
  directory: string,
  registry: string,
  remarks: string[],
): Promise<string | undefined> {
  const file = `${directory}/hosts.toml`;
  const text = facts.files.read(file);
  const hides = directory.endsWith("/_default") ? "" : `, and it hides _default`;
  if (text === undefined || text.trim() === "") return `${directory} holds no hosts.toml${hides}`;
  let document: Table;
  try {
    document = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlInvalid)) throw error;
    return `${file} ${error.message}: containerd logs that and goes past it${hides}`;
  }
  const hosts = readHosts(document);
  if (typeof hosts === "string") return `${file} ${hosts}: containerd logs that and goes past it${hides}`;
  const problems: string[] = [];
  for (const host of hosts) {
    const problem = await hostProblem(facts, directory, registry, host);
    if (problem === undefined) {
      if (problems.length > 0) remarks.push(`asked before entrepot: ${problems.join("; ")}`);
      return undefined;
    }
    problems.push(problem);
  }
  if (problems.length === 0) return `${file} names no mirror${hides}`;
  return `${file}: ${problems.join("; ")}`;
}

/** The hosts in their order, `server` last; a string where containerd refuses the file. */
function readHosts(document: Table): Host[] | string {
  const { host: table = {}, server } = document;
  if (!isTable(table)) return "has a `host` that is no table";
  const hosts: Host[] = [];
  for (const [name, options] of Object.entries(table)) {
    if (!isTable(options)) return `has a host ${name} that is no table`;
    const unknown = capabilitiesOf(options).find((capability) => !capabilities.includes(capability));
    if (unknown !== undefined) return `has the unknown capability ${unknown}`;
    const url = parseHostUrl(name);
    if (!url) return `has a host that is no URL: ${name}`;
    hosts.push({ url, options });
  }
  if (typeof server === "string" && server !== "") {
    const url = parseHostUrl(server);
    if (!url) return "has a `server` that is no URL";
    if (hosts.length === 0) return "names a `server` and no [host], which containerd 1.6 takes for nothing";
    // Its options are those at the top of the file.
    hosts.push({ url, options: document });
  }
  return hosts;
}

/** Without a scheme containerd takes https. */
function parseHostUrl(text: string): URL | null {
  return URL.parse(text.startsWith("http") ? text : `https://${text}`);
}

function capabilitiesOf({ capabilities: written }: Table): string[] {
  return Array.isArray(written) ? written.map(String) : ["pull", "resolve"];
}

/** Why pulls do not come to entrepot by this host; undefined where they do. */
async function hostProblem(
  facts: ClientFacts,
  directory: string,
  registry: string,
  { url, options }: Host,
): Promise<string | undefined> {
  const address: Address = { scheme: url.protocol === "https:" ? "https" : "http", authority: url.host };
  const place = await facts.probe(address);
  const nowhere = placeProblem(address, place);
  if (nowhere !== undefined) return nowhere;
  const isTrusted = place.kind === "entrepot" && place.isTrusted;
  if (!isTrusted && options["skip_verify"] !== true && options["ca"] === undefined) {
    return `the certificate of ${address.authority} is not trusted: name its \`ca\``;
  }
  const missing = ["pull", "resolve"].filter((capability) => !capabilitiesOf(options).includes(capability));
  if (missing.includes("resolve")) {
    return `the capabilities of ${url.origin} are without "resolve": tags are asked of ${registry} itself`;
  }
  if (missing.length > 0) return `the capabilities of ${url.origin} are without "${missing.join('", "')}"`;
  return pathProblem(url, options, registry) ?? headerProblem(facts, url, options, directory);
}

/** containerd puts /v2 behind the path unless it ends in it or `override_path` says that it is whole. */
function pathProblem(url: URL, options: Table, registry: string): string | undefined {
  const path = url.pathname.replace(/\/+$/, "");
  const isWhole = options["override_path"] === true || path.endsWith("/v2");
  const asked = isWhole ? path : `${path}/v2`;
  const right = ["/v2", `/v2/${registry.replace(":", "_")}`];
  if (right.includes(asked)) return undefined;
  const advice = isWhole ? "the path must be /v2" : "write the host without a path";
  return `${url.href} is asked for ${asked}/…, where entrepot serves nothing: ${advice}`;
}

function headerProblem(facts: ClientFacts, url: URL, { header }: Table, directory: string): string | undefined {
  const hasHeader = isTable(header) && Object.keys(header).some((name) => name.toLowerCase() === "authorization");
  const problem = loginProblem(facts);
  if (problem === undefined || hasHeader) return undefined;
  return `${problem}: give [host."${url.origin}".header] an Authorization in ${directory}/hosts.toml`;
}
