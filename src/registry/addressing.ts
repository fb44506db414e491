import { parseRepositoryName, RegistryError, type RepositoryName } from "../oci/index.ts";

/** Which upstreams there are, by the names and addresses that clients may use for them. */
export interface AddressBook {
  /** Names as configured, lower case, perhaps with a port: `ghcr.io`, `registry.corp.example:5443`. */
  upstreams: readonly string[];
  defaultUpstream: string;
  /** Host names bound to one upstream, lower case, without a port. */
  hostnames: ReadonlyMap<string, string>;
}

export interface Address {
  upstream: string;
  repository: RepositoryName;
}

export interface AddressedRequest {
  /** The name in the path. */
  name: RepositoryName;
  /** The value of `ns`, decoded. */
  ns: string | undefined;
  /** The upstream that this listener or this host name is bound to. */
  bound: string | undefined;
}

const hub = "docker.io";
/** Other names of Docker Hub that clients are seen to use. */
const hubAliases: readonly string[] = ["index.docker.io", "registry-1.docker.io"];

/**
 * The upstream and the repository that a request means, by the rules of ARCHITECTURE section 2.
 * @throws RegistryError NAME_UNKNOWN for an upstream that is not configured; never guesses another one.
 */
export function resolveAddress(book: AddressBook, request: AddressedRequest): Address {
  const { name, ns, bound } = request;
  if (ns !== undefined) return resolveNamespace(book, name, ns, bound);
  if (bound !== undefined) return address(bound, name);
  const [first = "", ...rest] = name.split("/");
  // No Docker Hub namespace has a dot: such a first part can only be meant as a registry.
  if (!first.includes(".")) return address(book.defaultUpstream, name);
  const upstream = findUpstream(book, hostOfPathPart(book, first));
  if (upstream === undefined) throw unknownUpstream(book, first);
  if (rest.length === 0)
    throw new RegistryError("NAME_UNKNOWN", `${upstream} is a registry: a repository must follow it`);
  return address(upstream, rest.join("/"));
}

/** The value of `ns`: a host, perhaps with a port. @throws RegistryError NAME_INVALID for anything else */
export function parseNamespace(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?(?::\d{1,5})?$/i.test(text)) return text;
  throw new RegistryError("NAME_INVALID", "`ns` must be the host of a registry, with a port where it has one");
}

/** The upstream that the Host header is bound to, if any. */
export function boundUpstream(book: AddressBook, host: string | undefined): string | undefined {
  return book.hostnames.get((host ?? "").toLowerCase().replace(/:\d+$/, ""));
}

function resolveNamespace(book: AddressBook, name: RepositoryName, ns: string, bound: string | undefined): Address {
  const upstream = findUpstream(book, ns.toLowerCase());
  if (upstream === undefined) throw unknownUpstream(book, ns);
  if (bound !== undefined && bound !== upstream) {
    throw new RegistryError("NAME_UNKNOWN", `this address serves ${bound} only, not ${upstream}`, {
      detail: { upstreams: [bound] },
    });
  }
  // BuildKit and containerd send a prefix too where the mirror's URL has a path.
  const [first = "", ...rest] = name.split("/");
  const isPrefix =
    rest.length > 0 && first.includes(".") && findUpstream(book, hostOfPathPart(book, first)) === upstream;
  return address(upstream, isPrefix ? rest.join("/") : name);
}

/** `host_5443` in a path stands for `host:5443`; a repository name cannot hold a colon. */
function hostOfPathPart(book: AddressBook, part: string): string {
  return book.upstreams.find((name) => name.includes(":") && name.replace(":", "_") === part) ?? part;
}

function findUpstream(book: AddressBook, host: string): string | undefined {
  if (book.upstreams.includes(host)) return host;
  return hubAliases.includes(host) && book.upstreams.includes(hub) ? hub : undefined;
}

/** Docker Hub's official images are in `library/`, which people leave out. */
function address(upstream: string, name: string): Address {
  const full = upstream === hub && !name.includes("/") ? `library/${name}` : name;
  const repository = parseRepositoryName(full);
  if (!repository)
    throw new RegistryError("NAME_INVALID", "the repository name is outside the grammar of distribution-spec");
  return { upstream, repository };
}

function unknownUpstream(book: AddressBook, asked: string): RegistryError {
  return new RegistryError("NAME_UNKNOWN", `the registry ${asked} is not configured here`, {
    detail: { registry: asked, upstreams: [...book.upstreams].sort() },
  });
}
