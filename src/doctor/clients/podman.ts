import { findingsOf, type Finding } from "../finding.ts";
import { FileUnreadable } from "./files.ts";
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
import { placeProblem } from "./probe.ts";
import {
  isFor,
  readRegistriesConf,
  RegistriesInvalid,
  type RegistriesConf,
  type RegistryEntry,
} from "./registries-conf.ts";

const file = "/etc/containers/registries.conf.d/50-cache.conf";

/** podman, buildah, skopeo and CRI-O: containers/image has no wildcard for registries, so each is written. */
function containersImage(says: string): ClientKind {
  return {
    snippets: ({ address, upstreams }) => [
      {
        path: file,
        text: upstreams.map((registry) => snippetOf(registry, address)).join("\n"),
        says,
      },
    ],
    read,
  };
}

export const podman = containersImage("for podman, buildah and skopeo; takes effect at once");
export const crio = containersImage("then reload CRI-O (systemctl reload crio)");

function snippetOf(registry: string, { scheme, authority }: ClientFacts["address"]): string {
  const mirror = `[[registry.mirror]]\nlocation = "${authority}/${pathForm(registry)}"\n`;
  const insecure = scheme === "http" ? "insecure = true\n" : "";
  return `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\n${mirror}${insecure}`;
}

/** A repository's name holds no colon. */
function pathForm(registry: string): string {
  return registry.replace(":", "_");
}

async function read(facts: ClientFacts): Promise<Reading> {
  let conf: RegistriesConf;
  try {
    conf = readRegistriesConf(facts.files, facts.home);
  } catch (error) {
    if (!(error instanceof RegistriesInvalid || error instanceof FileUnreadable)) throw error;
    return allPast(facts, findingsOf("registries.conf").failed("files", `${error.message}: nothing is pulled at all`));
  }
  const routes: Route[] = [];
  const warnings: Finding[] = [];
  for (const registry of facts.upstreams) {
    const { problem, remarks } = await registryProblem(facts, conf, registry);
    routes.push(problem === undefined ? through(registry) : past(registry, problem));
    warnings.push(...remarks.map((remark) => findingsOf(registry).warning("mirror", remark)));
  }
  return { findings: [filesFinding(conf), ...routeFindings(routes, "mirror"), ...warnings], routes };
}

function filesFinding({ files, unqualified }: RegistriesConf): Finding {
  const { ok, failed } = findingsOf("registries.conf");
  if (files.length === 0) return failed("files", "there is none: no mirror is known", "put the snippet there");
  const short = unqualified.length === 0 ? "" : `; names without a registry are looked up in ${unqualified.join(", ")}`;
  return ok("files", `${files.join(", ")}${short}`);
}

interface Judgement {
  problem: string | undefined;
  remarks: string[];
}

async function registryProblem(facts: ClientFacts, conf: RegistriesConf, registry: string): Promise<Judgement> {
  const entry = conf.entries
    .filter((each) => isFor(each, registry))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
  if (!entry) return { problem: `no [[registry]] has the prefix ${registry}`, remarks: [] };
  const narrower = conf.entries.filter((each) => each.prefix.startsWith(`${registry}/`));
  const remarks: string[] = [];
  for (const other of narrower) {
    const problem = await entryProblem(facts, other, registry);
    if (problem !== undefined) remarks.push(`what is below ${other.prefix} does not come through: ${problem}`);
  }
  return { problem: await entryProblem(facts, entry, registry), remarks };
}

async function entryProblem(facts: ClientFacts, entry: RegistryEntry, registry: string): Promise<string | undefined> {
  const own = { location: entry.location, isInsecure: entry.isInsecure, pulls: "all" as const };
  const problems: string[] = [];
  // What is blocked is the registry itself: its mirrors are asked all the same.
  const isOwnAsked = !entry.isBlocked && !isSame(own.location, entry, registry);
  for (const mirror of [...entry.mirrors, ...(isOwnAsked ? [own] : [])]) {
    const problem = await mirrorProblem(facts, entry, mirror, registry);
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  const replaced =
    entry.replaces.length === 0 ? "" : ` (${entry.file} replaces what ${entry.replaces.join(", ")} says)`;
  return problems.length === 0
    ? `${entry.file} names no mirror for ${entry.prefix}${replaced}`
    : `${problems.join("; ")}${replaced}`;
}

/** Whether the location is the registry itself. */
function isSame(location: string, { prefix }: RegistryEntry, registry: string): boolean {
  return location === prefix || location === "" || location === registry;
}

async function mirrorProblem(
  facts: ClientFacts,
  entry: RegistryEntry,
  { location, isInsecure, pulls }: RegistryEntry["mirrors"][number],
  registry: string,
): Promise<string | undefined> {
  const [authority = "", ...path] = location.split("/");
  const secure = { scheme: "https", authority } as const;
  const place = await facts.probe(secure);
  // With `insecure`, https is tried first, without looking at the certificate, and then plain http.
  const isPlain = place.kind === "other-scheme" && isInsecure;
  if (place.kind === "other-scheme" && !isInsecure) {
    return `${authority} speaks plain http, and the mirror has no \`insecure = true\``;
  }
  if (!isPlain) {
    const problem = placeProblem(secure, place);
    if (problem !== undefined) return problem;
    if (place.kind === "entrepot" && !place.isTrusted && !isInsecure && !hasCertificate(facts, authority)) {
      return `the certificate of ${authority} is not trusted: put its CA into /etc/containers/certs.d/${authority}/`;
    }
  }
  const wrong = pathProblem(facts, entry, path.join("/"), registry);
  if (wrong !== undefined) return `${location} ${wrong}`;
  if (pulls === "digest-only" || entry.isDigestOnly) return `${location} is asked for digests only, not for tags`;
  return loginProblem(facts) && `${loginProblem(facts) ?? ""}: podman login ${authority}`;
}

function hasCertificate({ files }: ClientFacts, authority: string): boolean {
  return ["/etc/containers/certs.d", "/etc/docker/certs.d"].some((root) =>
    files.list(`${root}/${authority}`).some((name) => name.endsWith(".crt")),
  );
}

/** What stands for the prefix must begin with the registry's name, or mean the default upstream. */
function pathProblem(
  facts: ClientFacts,
  { prefix }: RegistryEntry,
  path: string,
  registry: string,
): string | undefined {
  const below = prefix.startsWith(`${registry}/`) ? prefix.slice(registry.length) : "";
  if (path === `${pathForm(registry)}${below}`) return undefined;
  const isDefault = path === below.slice(1) && registry === facts.defaultUpstream;
  return isDefault
    ? undefined
    : `does not say that ${registry} is meant: it must end in /${pathForm(registry)}${below}`;
}
