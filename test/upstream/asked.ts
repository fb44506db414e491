import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

import type { RequestKind } from "./request-log.ts";

/** One request, read once at the door. */
export interface Asked {
  readonly kind: RequestKind;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly repository: string | undefined;
  readonly reference: string | undefined;
  readonly range: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

type Place = Pick<Asked, "kind" | "repository" | "reference">;

/** Which listener took the request: the same path means something else on each. */
export type Site = "registry" | "token" | "cdn";

export const tokenPath = "/token";

const kinds: Record<string, RequestKind> = { blobs: "blob", tags: "tags", referrers: "referrers" };

export function readAsked(request: IncomingMessage, site: Site): Asked {
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const parameters = new URLSearchParams(query);
  return {
    ...placeOf(path, parameters, site),
    method: request.method ?? "GET",
    path,
    query: parameters,
    range: request.headers.range,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
  };
}

function placeOf(path: string, query: URLSearchParams, site: Site): Place {
  if (site === "cdn") {
    const place = contentPlace(path);
    return place.kind === "upload" ? place : { ...place, kind: "cdn" };
  }
  if (path === tokenPath) return { kind: "token", repository: scopedRepository(query), reference: undefined };
  return site === "registry" ? contentPlace(path) : { kind: "other", repository: undefined, reference: undefined };
}

function contentPlace(path: string): Place {
  if (path === "/v2/" || path === "/v2") return { kind: "ping", repository: undefined, reference: undefined };
  const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(path);
  if (upload) return { kind: "upload", repository: upload[1], reference: upload[2] === "" ? undefined : upload[2] };
  const parts = /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/.exec(path);
  if (!parts) return { kind: "other", repository: undefined, reference: undefined };
  const [, repository, verb = "", reference = ""] = parts;
  if (verb === "tags") return { kind: reference === "list" ? "tags" : "other", repository, reference: undefined };
  const manifestKind = reference.includes(":") ? "manifest-digest" : "manifest-tag";
  return { kind: kinds[verb] ?? manifestKind, repository, reference };
}

function scopedRepository(query: URLSearchParams): string | undefined {
  return /^repository:(.+):[a-z,*]+$/.exec(query.get("scope") ?? "")?.[1];
}
