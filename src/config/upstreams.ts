import { builtinUpstreams } from "./builtin-upstreams.ts";
import { resolveCredentials } from "./credentials.ts";
import { registryHosts } from "./docker-config.ts";
import type { ConfigFault } from "./errors.ts";
import { readCertificates, readClientCertificate } from "./certificates.ts";
import { parseAuthority, pathForm } from "./hosts.ts";
import { resolvePolicies, type PoliciesDocument } from "./policies.ts";
import type { DocumentSettings, EndpointDocument, UpstreamDocument } from "./schema.ts";
import type { ParentEndpoint, UpstreamEndpoint, UpstreamEntry } from "./settings.ts";

/** The enabled upstreams: the built-in ones, each with its configured settings, then the configured others. */
export function resolveUpstreams(
  document: DocumentSettings,
  environment: NodeJS.ProcessEnv,
  faults: ConfigFault[],
): UpstreamEntry[] {
  const configured = namedUpstreams(document.upstreams ?? {}, faults);
  const builtinNames = builtinUpstreams.map((builtin) => builtin.name);
  const otherNames = [...configured.keys()].filter((name) => !builtinNames.includes(name));
  return [...builtinNames, ...otherNames].flatMap((name) => {
    const own = configured.get(name);
    if (own?.document.enabled === false) return [];
    const path = own?.path ?? `upstreams.${name}`;
    return [resolveUpstream({ name, own: own?.document ?? {}, path, document, environment, faults })];
  });
}

interface Named {
  path: string;
  document: UpstreamDocument;
}

/** By lower-case name; names outside the grammar and names that say the same are faults. */
function namedUpstreams(map: Record<string, UpstreamDocument>, faults: ConfigFault[]): Map<string, Named> {
  const named = new Map<string, Named>();
  const written = new Map(builtinUpstreams.map(({ name }) => [pathForm(name), name]));
  for (const [given, document] of Object.entries(map)) {
    const path = `upstreams.${given}`;
    const name = parseAuthority(given);
    if (name === undefined) {
      faults.push({ path, message: "the name of an upstream must be a host or host:port, such as ghcr.io" });
      continue;
    }
    const other = written.get(pathForm(name));
    if (named.has(name)) faults.push({ path, message: `stands twice: names compare without case` });
    else if (other !== undefined && other !== name) {
      faults.push({ path, message: `written in a path it would be ${pathForm(name)}, as ${other} is` });
    }
    written.set(pathForm(name), name);
    named.set(name, { path, document });
  }
  return named;
}

interface Resolution {
  name: string;
  own: UpstreamDocument;
  path: string;
  document: PoliciesDocument & Pick<DocumentSettings, "offline">;
  environment: NodeJS.ProcessEnv;
  faults: ConfigFault[];
}

function resolveUpstream({ name, own, path, document, environment, faults }: Resolution): UpstreamEntry {
  const builtin = builtinUpstreams.find((upstream) => upstream.name === name);
  const { policies, faults: policyFaults } = resolvePolicies([
    { path: `${path}.`, document: own },
    { path: "", document },
  ]);
  // Without tags or limits of its own it has the global ones, whose faults are told once, at their own path.
  if (own.tags || own.limits) faults.push(...policyFaults);
  const caFile = own.tls?.caFile;
  return {
    name,
    endpoints: resolveEndpoints(own, {
      name,
      path,
      defaultUrl: builtin?.url ?? `https://${name}`,
      environment,
      faults,
    }),
    tokenHosts: own.tokenHosts ?? [],
    allowPrivateRedirects: own.redirects?.allowPrivate ?? false,
    allow: own.allow ?? [],
    deny: own.deny ?? [],
    hostnames: own.hostnames ?? [],
    listen: own.listen ?? [],
    proxy: own.proxy,
    ca: caFile === undefined ? undefined : readCertificates(caFile, `${path}.tls.caFile`, faults),
    caFile,
    clientCertificate: readClientCertificate(own.tls ?? {}, `${path}.tls`, faults),
    anonymousFallback: own.anonymousFallback ?? false,
    quota: { keepBack: own.quota?.keepBack ?? 0.1 },
    ...policies,
    offline: (document.offline ?? false) || (own.offline ?? false),
    concurrency: { control: own.concurrency?.control ?? 16, blobs: own.concurrency?.blobs ?? 16 },
    bandwidthBytesPerSecond: own.bandwidth ?? 0,
    breaker: { openForMs: own.breaker?.openFor ?? 30_000 },
    push: own.push ?? "deny",
  };
}

interface EndpointContext {
  name: string;
  path: string;
  defaultUrl: string;
  environment: NodeJS.ProcessEnv;
  faults: ConfigFault[];
}

/** The upstream's own credentials belong to the origin alone: they never follow to a mirror, nor to a parent cache. */
function resolveEndpoints(own: UpstreamDocument, context: EndpointContext): UpstreamEndpoint[] {
  const { path, defaultUrl, faults } = context;
  const endpoints: EndpointDocument[] = own.endpoints ?? [{ url: defaultUrl }];
  const origin = endpoints.findIndex(({ addressing }) => addressing === undefined);
  if (own.credentials && origin === -1) {
    const message =
      "are for the registry itself, and every endpoint is a parent cache: write them to the endpoint they are for";
    faults.push({ path: `${path}.credentials`, message });
  }
  return endpoints.map((endpoint, index) => {
    const here = `${path}.endpoints[${index}]`;
    const isOrigin = index === origin;
    if (endpoint.url === undefined) faults.push({ path: here, message: "has no url" });
    if (isOrigin && endpoint.credentials && own.credentials) {
      faults.push({ path: `${here}.credentials`, message: `given twice, see ${path}.credentials` });
    }
    const isOwn = isOrigin && own.credentials !== undefined;
    const given = isOwn ? own.credentials : endpoint.credentials;
    const credentialsPath = isOwn ? `${path}.credentials` : `${here}.credentials`;
    const url = endpoint.url ?? defaultUrl;
    const { environment } = context;
    const hosts = registryHosts(url, isOrigin ? context.name : undefined);
    const credentials = resolveCredentials(given ?? [], { path: credentialsPath, hosts, environment, faults });
    return { url, credentials, parent: resolveParent(endpoint, here, faults) };
  });
}

/** An endpoint whose `addressing` is written is a parent cache. */
function resolveParent(
  { addressing, trusted = false }: EndpointDocument,
  path: string,
  faults: ConfigFault[],
): ParentEndpoint | undefined {
  if (addressing) return { addressing, isTrusted: trusted };
  if (trusted) {
    const message = "is for a parent cache: say how that is addressed (addressing: ns, path or plain)";
    faults.push({ path: `${path}.trusted`, message });
  }
  return undefined;
}
