import {
  formatReference,
  parseDigest,
  parseReference,
  parseRepositoryName,
  RegistryError,
  type Digest,
  type Reference,
  type RepositoryName,
} from "../oci/index.ts";

/** What a path asks for (distribution-spec, "Endpoints"). `name` is as written: it may begin with an upstream's name. */
export type Route =
  | { kind: "ping" }
  | { kind: "manifest"; name: RepositoryName; reference: Reference }
  | { kind: "blob"; name: RepositoryName; digest: Digest }
  | { kind: "tags"; name: RepositoryName }
  | { kind: "referrers"; name: RepositoryName; digest: Digest };

/**
 * The route of a path. Total: every string gives a route or a RegistryError.
 * The last two parts decide, since a repository may be named `a/blobs/b`.
 */
export function parseRoute(path: string): Route {
  if (path === "/v2/" || path === "/v2") return { kind: "ping" };
  const parts = path.split("/");
  const [empty, version] = parts;
  const verb = parts.at(-2) ?? "";
  const last = parts.at(-1) ?? "";
  if (empty !== "" || version !== "v2" || parts.length < 5) throw notFound();
  const name = (): RepositoryName => parseName(parts.slice(2, -2).join("/"));
  switch (verb) {
    case "manifests":
      return { kind: "manifest", name: name(), reference: parseManifestReference(last) };
    case "blobs":
      if (last === "uploads" || last === "") throw notFound();
      return { kind: "blob", name: name(), digest: parseDigestPart(last) };
    case "referrers":
      return { kind: "referrers", name: name(), digest: parseDigestPart(last) };
    case "tags":
      if (last === "list") return { kind: "tags", name: name() };
      throw notFound();
    default:
      throw notFound();
  }
}

export function formatRoute(route: Route): string {
  switch (route.kind) {
    case "ping":
      return "/v2/";
    case "manifest":
      return `/v2/${route.name}/manifests/${formatReference(route.reference)}`;
    case "blob":
      return `/v2/${route.name}/blobs/${route.digest}`;
    case "tags":
      return `/v2/${route.name}/tags/list`;
    case "referrers":
      return `/v2/${route.name}/referrers/${route.digest}`;
  }
}

function parseName(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new RegistryError("NAME_INVALID", "the repository name is outside the grammar of distribution-spec");
  return name;
}

/** A bad tag cannot exist, so it is unknown; a bad digest is a mistake of the client. */
function parseManifestReference(text: string): Reference {
  const reference = parseReference(text);
  if (reference) return reference;
  if (text.includes(":")) throw digestInvalid();
  throw new RegistryError("MANIFEST_UNKNOWN", "no tag can have this name");
}

function parseDigestPart(text: string): Digest {
  const digest = parseDigest(text);
  if (!digest) throw digestInvalid();
  return digest;
}

function digestInvalid(): RegistryError {
  return new RegistryError(
    "DIGEST_INVALID",
    "a digest is `sha256:` and 64, or `sha512:` and 128 lower-case hex digits",
  );
}

function notFound(): RegistryError {
  return new RegistryError("NOT_FOUND", "there is nothing at this path");
}
