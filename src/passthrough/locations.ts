import type { IncomingMessage } from "node:http";
import { formatReference, parseDigest } from "../oci/index.ts";
import type { PushDestination, PushGate } from "../upstream/index.ts";
import { ownPath, type Push } from "./push.ts";
import { unusable } from "./reply.ts";
import type { Uploads } from "./uploads.ts";

/** Where the request goes: to the address that the registry gave for an upload, else below `/v2/`. @throws RegistryError */
export function destinationOf(push: Push, gate: PushGate, uploads: Uploads): PushDestination {
  const { operation, repository } = push;
  switch (operation.kind) {
    case "start":
      return gate.home(`${repository}/blobs/uploads/${startQuery(operation)}`);
    case "upload": {
      const destination = uploads.find(operation.id, push);
      return operation.digest === undefined ? destination : withDigest(destination, operation.digest);
    }
    case "manifest":
      return gate.home(`${repository}/manifests/${formatReference(operation.reference)}`);
    case "blob":
      return gate.home(`${repository}/blobs/${operation.digest}`);
  }
}

/** The Location of a good answer, on our side; what it was at the registry is kept. @throws RegistryError, UpstreamError */
export function ownLocation(
  push: Push,
  reply: IncomingMessage,
  from: PushDestination,
  { gate, uploads }: { gate: PushGate; uploads: Uploads },
): string | undefined {
  const { operation } = push;
  const digest = parseDigest([reply.headers["docker-content-digest"]].flat()[0] ?? "");
  if (operation.kind === "blob") return undefined;
  if (operation.kind === "manifest") {
    const reference = digest ?? formatReference(operation.reference);
    return reply.statusCode === 201 ? ownPath(push, `manifests/${reference}`) : undefined;
  }
  const status = reply.statusCode ?? 0;
  if (status === 201) {
    const blob = operation.digest ?? (operation.kind === "start" ? operation.mount?.digest : undefined) ?? digest;
    return blob && ownPath(push, `blobs/${blob}`);
  }
  const { location } = reply.headers;
  if (operation.kind === "start") {
    if (location === undefined) throw unusable(push.upstream, "an upload without a Location");
    return ownPath(push, `blobs/uploads/${uploads.begin(push, gate.follow(from.url, location, status))}`);
  }
  if (location !== undefined) uploads.move(operation.id, gate.follow(from.url, location, status));
  return ownPath(push, `blobs/uploads/${operation.id}`);
}

function startQuery({ digest, mount }: Extract<Push["operation"], { kind: "start" }>): string {
  const query = new URLSearchParams({
    ...(digest !== undefined && { digest }),
    ...(mount && { mount: mount.digest, ...(mount.from !== undefined && { from: mount.from }) }),
  }).toString();
  return query === "" ? "" : `?${query}`;
}

/** Behind the registry's own query, which may be signed as it stands. */
function withDigest(destination: PushDestination, digest: string): PushDestination {
  const url = new URL(destination.url);
  url.search = `${url.search === "" ? "?" : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return { ...destination, url };
}
