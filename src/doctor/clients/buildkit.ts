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
import { isTable, parseToml, stringsOf, tableAt, TomlInvalid, type Table } from "./toml.ts";

const file = "/etc/buildkit/buildkitd.toml";

/** buildkitd; `docker buildx create --buildkitd-config FILE` takes the same file. */
export const buildkit: ClientKind = {
  snippets: ({ address, upstreams }) => [
    {
      path: file,
      text: [
        ...upstreams.map((registry) => `[registry."${registry}"]\n  mirrors = ["${address.authority}"]\n`),
        ...(address.scheme === "http" ? [`[registry."${address.authority}"]\n  http = true\n`] : []),
      ].join(""),
      says: "restart buildkitd, or docker buildx create --buildkitd-config FILE",
    },
  ],
  async read(facts) {
    const { failed } = findingsOf(file);
    const text = facts.files.read(file);
    if (text === undefined)
      return allPast(facts, failed("file", "there is no such file: buildkitd knows of no mirror"));
    let document: Table;
    try {
      document = parseToml(text);
    } catch (error) {
      if (!(error instanceof TomlInvalid)) throw error;
      return allPast(facts, failed("file", `${error.message}: buildkitd does not start with it`));
    }
    const routes: Route[] = [];
    for (const registry of facts.upstreams) {
      const problem = await registryProblem(facts, tableAt(document, "registry"), registry);
      routes.push(problem === undefined ? through(registry) : past(registry, problem));
    }
    return { findings: routeFindings(routes, "mirrors"), routes };
  },
};

async function registryProblem(facts: ClientFacts, registries: Table, registry: string): Promise<string | undefined> {
  const entry = registries[registry];
  const mirrors = isTable(entry) ? stringsOf(entry["mirrors"]) : [];
  if (mirrors.length === 0) return `${file} names no mirror for ${registry}`;
  const problems: string[] = [];
  for (const mirror of mirrors) {
    const problem = await mirrorProblem(facts, registries, mirror, registry);
    if (problem === undefined) return undefined;
    problems.push(problem);
  }
  return problems.join("; ");
}

async function mirrorProblem(
  facts: ClientFacts,
  registries: Table,
  mirror: string,
  registry: string,
): Promise<string | undefined> {
  // A scheme is cut off: whether it is http says the mirror's own table.
  const [authority = "", ...path] = mirror
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .split("/");
  const own = tableAt(registries, authority);
  const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|$)/.test(authority);
  const isPlain = own["http"] === true || (own["http"] === undefined && isLocal);
  const address: Address = { scheme: isPlain ? "http" : "https", authority };
  const place = await facts.probe(address);
  if (place.kind === "other-scheme" && address.scheme === "https") {
    return `${authority} speaks plain http: [registry."${authority}"] needs http = true`;
  }
  const problem = placeProblem(address, place);
  if (problem !== undefined) return problem;
  const isTrusted = place.kind === "entrepot" && place.isTrusted;
  if (!isTrusted && own["insecure"] !== true && own["ca"] === undefined) {
    return `the certificate of ${authority} is not trusted: [registry."${authority}"] needs ca = ["…"]`;
  }
  if (path.length > 0 && path.join("/") !== registry) return `${mirror} has a path that is not ${registry}`;
  return loginProblem(facts);
}
