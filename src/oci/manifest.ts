import { parseDigest, type Digest } from "./digest.ts";
import { isManifestMediaType, isSchema1MediaType, mediaTypes, parseContentType } from "./media-types.ts";
import { platformOfDescriptor } from "./platform.ts";

/** The largest manifest that is read: clients stop at 4 MiB too (containerd, containers/image). */
export const maxManifestBytes = 4 * 1024 * 1024;

/** A manifest that names more than this is served, but its edges are not kept. */
export const maxDescriptors = 1000;

export type EdgeRole = "config" | "layer" | "child" | "subject";

/** One descriptor of a manifest, as an edge of the reference graph. */
export interface ManifestEdge {
  role: EdgeRole;
  digest: Digest;
  /** The manifest's claim, in bytes. */
  size: number;
  /** Of a child, where its descriptor says one: canonical, as `parsePlatform` gives it. */
  platform?: string;
}

export interface ManifestFacts {
  kind: "image" | "index";
  /** A pure function of the bytes, never of a header (CVE-2021-41190). */
  mediaType: string;
  edges: ManifestEdge[];
  /** `artifactType`, or the config's media type where that is absent (distribution-spec, "Listing Referrers"). */
  artifactType: string | undefined;
  annotations: Record<string, string> | undefined;
}

/** The bytes are not a manifest that can be kept, and why. */
export class ManifestInvalid extends Error {
  override readonly name = "ManifestInvalid";
  readonly kind = "manifest-invalid";
  readonly isSchema1: boolean;

  constructor(message: string, isSchema1 = false) {
    super(message);
    this.isSchema1 = isSchema1;
  }
}

/**
 * What a manifest's bytes say: kind, media type, and the digests they name.
 * @throws ManifestInvalid for anything that is not one image manifest or one image index.
 */
export function parseManifest(bytes: Uint8Array): ManifestFacts {
  const document = parseDocument(bytes);
  refuseSchema1(document);
  const hasManifests = "manifests" in document;
  const hasLayers = "layers" in document || "config" in document;
  if (hasManifests === hasLayers) {
    throw new ManifestInvalid(hasManifests ? "both `manifests` and `layers`" : "neither `manifests` nor `layers`");
  }
  const kind = hasManifests ? "index" : "image";
  const mediaType = mediaTypeOf(document, kind);
  return {
    kind,
    mediaType,
    edges: edgesOf(document, kind),
    artifactType: textOf(document["artifactType"]) ?? textOf(asRecord(document["config"])?.["mediaType"]),
    annotations: annotationsOf(document["annotations"]),
  };
}

/**
 * Whether a Content-Type may stand over bytes of `mediaType`: the same type, or one that says nothing.
 * Registries are seen to send text/plain, application/json or none at all.
 */
export function contentTypeAgrees(header: string | undefined, mediaType: string): boolean {
  const contentType = parseContentType(header ?? "");
  if (contentType === mediaType) return true;
  return !isManifestMediaType(contentType) && !isSchema1MediaType(contentType) && contentType !== "text/html";
}

function parseDocument(bytes: Uint8Array): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ManifestInvalid("not JSON");
  }
  const record = asRecord(document);
  if (!record) throw new ManifestInvalid("not a JSON object");
  return record;
}

function refuseSchema1(document: Record<string, unknown>): void {
  const mediaType = textOf(document["mediaType"]);
  if (document["schemaVersion"] === 1 || (mediaType !== undefined && isSchema1MediaType(mediaType))) {
    throw new ManifestInvalid("Docker schema 1, which no current client accepts; the image must be pushed again", true);
  }
  if (document["schemaVersion"] !== 2) throw new ManifestInvalid("`schemaVersion` is not 2");
}

function mediaTypeOf(document: Record<string, unknown>, kind: "image" | "index"): string {
  const own = document["mediaType"];
  if (own === undefined) return kind === "index" ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  const allowed: unknown[] =
    kind === "index"
      ? [mediaTypes.ociIndex, mediaTypes.dockerList]
      : [mediaTypes.ociManifest, mediaTypes.dockerManifest];
  if (typeof own !== "string" || !allowed.includes(own)) {
    throw new ManifestInvalid(`its \`mediaType\` does not fit an image ${kind === "index" ? "index" : "manifest"}`);
  }
  return own;
}

function edgesOf(document: Record<string, unknown>, kind: "image" | "index"): ManifestEdge[] {
  const edges: ManifestEdge[] = [];
  const add = (role: EdgeRole, value: unknown): void => void edges.push(edgeOf(role, value));
  if (kind === "index") {
    for (const child of listOf(document["manifests"], "manifests")) add("child", child);
  } else {
    add("config", document["config"]);
    for (const layer of listOf(document["layers"], "layers")) add("layer", layer);
  }
  if (document["subject"] !== undefined) add("subject", document["subject"]);
  return edges;
}

function edgeOf(role: EdgeRole, value: unknown): ManifestEdge {
  const descriptor = asRecord(value);
  const digest = parseDigest(textOf(descriptor?.["digest"]) ?? "");
  const size = descriptor?.["size"];
  if (!digest) throw new ManifestInvalid(`a ${role} descriptor without a valid digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new ManifestInvalid(`a ${role} descriptor without a valid size`);
  }
  const platform = role === "child" ? platformOfDescriptor(descriptor?.["platform"]) : undefined;
  return { role, digest, size, ...(platform !== undefined && { platform }) };
}

function listOf(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw new ManifestInvalid(`\`${name}\` is not a list`);
  return value;
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  const record = asRecord(value);
  if (!record) return undefined;
  const entries = Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(entries);
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
