import { codeOf, findingsOf, type Finding } from "../finding.ts";
import type { Address } from "./address.ts";
import {
  loginProblem,
  past,
  through,
  type ClientFacts,
  type ClientKind,
  type Reading,
  type Route,
  type Snippet,
} from "./client.ts";
import { routeByHosts } from "./hosts-toml.ts";
import { placeProblem } from "./probe.ts";
import { isTable, stringsOf, type Table } from "./toml.ts";

const file = "/etc/docker/daemon.json";
const certificates = "/etc/docker/certs.d";
const hub = "docker.io";

/** dockerd: its mirrors are for Docker Hub alone; Docker 29 with containerd's image store also reads hosts.toml. */
export const docker: ClientKind = {
  snippets: ({ address, upstreams }) => [
    { path: file, text: daemonJson(address), says: "its mirrors are for Docker Hub only; restart dockerd" },
    ...certificateSnippet(address, upstreams),
  ],
  async read(facts) {
    const { findings, route, document } = await readHub(facts);
    const others = await readOthers(facts);
    return {
      findings: [...findings, ...others.findings, ...(document ? [insecureFinding(facts, document)] : [])],
      routes: [route, ...others.routes],
    };
  },
};

/** Names that begin with entrepot's own, for other registries, are pulled over plain http only where that is said. */
function daemonJson(address: Address): string {
  const mirrors = `"registry-mirrors": ["${address.scheme}://${address.authority}"]`;
  if (address.scheme === "https" || isInsecure({}, address)) return `{ ${mirrors} }\n`;
  return `{\n  ${mirrors},\n  "insecure-registries": ["${address.authority}"]\n}\n`;
}

function certificateSnippet({ scheme, authority }: Address, upstreams: readonly string[]): Snippet[] {
  const [first, ...others] = upstreams.filter((registry) => registry !== hub);
  if (first === undefined) return [];
  const likewise = others.length === 0 ? "" : `; the same for ${others.join(", ")}`;
  const text = `[host."${scheme}://${authority}"]\n  capabilities = ["pull", "resolve"]\n`;
  const says = `Docker 29 and newer with containerd's image store, for other registries${likewise}`;
  return [{ path: `${certificates}/${first}/hosts.toml`, text, says }];
}

interface HubReading {
  findings: Finding[];
  route: Route;
  /** Undefined where dockerd does not start with the file. */
  document?: Table;
}

async function readHub(facts: ClientFacts): Promise<HubReading> {
  const { ok, failed } = findingsOf(file);
  const text = facts.files.read(file);
  const lost = (check: string, why: string, todo?: string): HubReading => {
    return { findings: [failed(check, why, todo)], route: past(hub, `${file}: ${why}`) };
  };
  if (text === undefined)
    return lost("file", "there is no such file: dockerd knows of no mirror", "put the snippet there");
  const document = parse(text);
  if (typeof document === "string") return lost("JSON", `${document}: dockerd does not start with it`);
  const written = document["registry-mirrors"] ?? [];
  if (!Array.isArray(written) || written.some((mirror) => typeof mirror !== "string")) {
    return lost("registry-mirrors", "is not a list of strings: dockerd does not start with it");
  }
  const mirrors = stringsOf(written);
  if (mirrors.length === 0) {
    return { ...lost("registry-mirrors", "names no mirror: pulls go to Docker Hub", "add the snippet"), document };
  }
  const invalid = mirrors.map(grammarProblem).find((problem) => problem !== undefined);
  if (invalid !== undefined) return lost("registry-mirrors", `${invalid}: dockerd does not start with it`);
  const { problems, mirror } = await findMirror(facts, mirrors, document);
  if (mirror === undefined) return { ...lost("registry-mirrors", problems.join("; ")), document };
  const earlier = problems.length === 0 ? "" : ` (asked before: ${problems.join("; ")})`;
  return { findings: [ok("registry-mirrors", `${mirror} leads here${earlier}`)], route: through(hub), document };
}

function parse(text: string): Table | string {
  try {
    const document: unknown = JSON.parse(text);
    return isTable(document) ? document : "is not a JSON object";
  } catch (error) {
    return `is not JSON (${codeOf(error)})`;
  }
}

/** What dockerd itself refuses at its start (moby, registry/config.go: ValidateMirror). */
function grammarProblem(mirror: string): string | undefined {
  const url = URL.parse(mirror);
  if (!url) return `${mirror} is not a URL: it must begin with http:// or https://`;
  const shown = `${url.protocol}//${url.host}`;
  if (url.protocol !== "http:" && url.protocol !== "https:") return `${mirror} must begin with http:// or https://`;
  if (url.username !== "" || url.password !== "") return `the mirror at ${url.host} has a user name in it`;
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return `a mirror has no path, and the one at ${shown} has`;
  }
  return undefined;
}

async function findMirror(
  facts: ClientFacts,
  mirrors: readonly string[],
  document: Table,
): Promise<{ problems: string[]; mirror: string | undefined }> {
  const problems: string[] = [];
  for (const mirror of mirrors) {
    const problem = await mirrorProblem(facts, new URL(mirror), document);
    if (problem === undefined) return { problems, mirror };
    problems.push(problem);
  }
  return { problems, mirror: undefined };
}

async function mirrorProblem(facts: ClientFacts, url: URL, document: Table): Promise<string | undefined> {
  const address: Address = { scheme: url.protocol === "https:" ? "https" : "http", authority: url.host };
  const place = await facts.probe(address);
  const problem = placeProblem(address, place);
  if (problem !== undefined) return problem;
  const isTrusted = (place.kind === "entrepot" && place.isTrusted) || hasCertificate(facts, address);
  if (!isTrusted && !isInsecure(document, address)) {
    return `dockerd does not trust the certificate of ${url.host}: put its CA into ${certificates}/${url.host}/ca.crt`;
  }
  if (facts.defaultUpstream !== hub) {
    return `dockerd asks its mirrors for Docker Hub without saying so, and defaultUpstream is ${facts.defaultUpstream}`;
  }
  const login = loginProblem(facts);
  return login && `${login}, and dockerd then goes to Docker Hub: allow \`anonymous\` in access.rules`;
}

function hasCertificate({ files }: ClientFacts, { authority }: Address): boolean {
  return files.list(`${certificates}/${authority}`).some((name) => name.endsWith(".crt"));
}

/** Loopback needs no entry: 127.0.0.0/8 is always taken for insecure. */
function isInsecure(document: Table, { authority }: Address): boolean {
  const host = authority.replace(/:\d+$/, "");
  const listed = stringsOf(document["insecure-registries"]);
  return listed.includes(authority) || listed.includes(host) || /^127\.|^localhost$|^\[::1\]$/.test(host);
}

function insecureFinding({ address }: ClientFacts, document: Table): Finding {
  const { ok, warning } = findingsOf(file);
  const check = "insecure-registries";
  const example = `docker pull ${address.authority}/ghcr.io/owner/image:tag`;
  if (address.scheme === "https" || isInsecure(document, address)) return ok(check, `other registries: ${example}`);
  return warning(
    check,
    `${address.authority} is not in the list: ${example} does not work`,
    "add it as in the snippet",
  );
}

/** What Docker 29 with containerd's image store takes for other registries, where somebody has written it. */
async function readOthers(facts: ClientFacts): Promise<Reading> {
  const { ok, warning } = findingsOf(certificates);
  const reading: Reading = { findings: [], routes: [] };
  for (const registry of facts.upstreams.filter((name) => name !== hub)) {
    if (facts.files.read(`${certificates}/${registry}/hosts.toml`) === undefined) continue;
    const { comesThrough, why } = await routeByHosts(facts, [certificates], registry);
    reading.routes.push(comesThrough ? through(registry) : past(registry, why ?? ""));
    const says = comesThrough ? "leads here, where this is Docker 29 with containerd's image store" : (why ?? "");
    reading.findings.push(comesThrough ? ok(registry, says) : warning(registry, says));
  }
  if (reading.routes.length > 0) return reading;
  const says =
    "only Docker Hub has mirrors: other registries are asked directly, unless the name begins with entrepot's";
  return { findings: [warning("other registries", says)], routes: [] };
}
