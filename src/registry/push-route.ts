import {
  parseDigest,
  parseRepositoryName,
  RegistryError,
  type PushOperation,
  type RepositoryName,
} from "../oci/index.ts";
import { parseRoute, type Route } from "./route.ts";

/** A request of a push, and the repository as the client calls it. */
export interface PushRoute {
  name: RepositoryName;
  operation: PushOperation;
  /** Of a mount, as the client calls it: which upstream it means is not known yet. */
  from?: RepositoryName | undefined;
}

const uploadPath = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;
/** Our own ids of uploads. */
const idPattern = /^[A-Za-z0-9_-]{32}$/;

/**
 * What a request that is no plain pull asks for; undefined for a pull, by its method and path.
 * @throws RegistryError UNSUPPORTED for a method that the path does not know, NOT_FOUND, and for bad names and digests
 */
export function parsePushRoute(
  method: string,
  path: string,
  query: ReadonlyMap<string, string>,
): PushRoute | undefined {
  const [, name, id] = uploadPath.exec(path) ?? [];
  if (name !== undefined && id !== undefined) return uploadRoute(method, nameOf(name), id, query);
  if (method === "GET") return undefined;
  const route = parseRoute(path);
  const operation = operationOf(method, route);
  if (operation && "name" in route) return { name: route.name, operation };
  if (method === "HEAD") return undefined;
  throw new RegistryError("UNSUPPORTED", `nothing can be done here with ${method}`);
}

function uploadRoute(method: string, name: RepositoryName, id: string, query: ReadonlyMap<string, string>): PushRoute {
  const digest = digestOf(query, "digest");
  if (id === "") {
    if (method !== "POST") throw wrongMethod(method);
    const mounted = digestOf(query, "mount");
    const from = query.get("from");
    const mount = mounted && { digest: mounted, from: undefined };
    return { name, operation: { kind: "start", digest, mount }, from: from === undefined ? undefined : nameOf(from) };
  }
  if (!["GET", "PATCH", "PUT", "DELETE"].includes(method)) throw wrongMethod(method);
  if (!idPattern.test(id)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "no such upload is under way here");
  if (method === "PUT" && digest === undefined) {
    throw new RegistryError("DIGEST_INVALID", "an upload ends with the digest of the blob");
  }
  return { name, operation: { kind: "upload", id, digest: method === "PUT" ? digest : undefined } };
}

function operationOf(method: string, route: Route): PushOperation | undefined {
  if (route.kind === "manifest" && ["PUT", "DELETE", "HEAD"].includes(method)) {
    return { kind: "manifest", reference: route.reference };
  }
  if (route.kind === "blob" && ["DELETE", "HEAD"].includes(method)) return { kind: "blob", digest: route.digest };
  return undefined;
}

function digestOf(query: ReadonlyMap<string, string>, key: string) {
  const text = query.get(key);
  const digest = text === undefined ? undefined : parseDigest(text);
  if (text === undefined || digest) return digest;
  throw new RegistryError("DIGEST_INVALID", `\`${key}\` must be a digest`);
}

function nameOf(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new RegistryError("NAME_INVALID", "the repository name is outside the grammar of distribution-spec");
  return name;
}

function wrongMethod(method: string): RegistryError {
  return new RegistryError("UNSUPPORTED", `nothing can be done here with ${method}`);
}
