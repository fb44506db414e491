import {
  digestOf,
  mediaTypes,
  parseManifest,
  referrersTag,
  type Digest,
  type ManifestFacts,
} from "../../src/oci/index.ts";
import { digestOfPayload, seededBlob, toPayload, type Payload } from "./payload.ts";
import type { Repositories, StoredManifest } from "./repositories.ts";

interface ImagePlatform {
  os: string;
  architecture: string;
  variant?: string;
}

export interface ImageOptions {
  /** A number is a size in bytes: pseudo-random bytes seeded by repository, tag and position. Default: one of 1,000 bytes. */
  layers?: (number | Uint8Array | Payload)[];
  platform?: ImagePlatform;
  mediaTypes?: "oci" | "docker";
}

interface ImageDescriptor {
  mediaType: string;
  digest: Digest;
  size: number;
}

export interface PushedImage {
  digest: Digest;
  mediaType: string;
  manifest: Buffer;
  platform: ImagePlatform;
  config: ImageDescriptor;
  layers: ImageDescriptor[];
}

export interface PushedImageIndex {
  digest: Digest;
  mediaType: string;
  manifest: Buffer;
  images: PushedImage[];
}

export interface ReferrerOptions {
  artifactType: string;
  annotations?: Record<string, string>;
}

const layerTypes = {
  oci: "application/vnd.oci.image.layer.v1.tar+gzip",
  docker: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};
const configTypes = {
  oci: "application/vnd.oci.image.config.v1+json",
  docker: "application/vnd.docker.container.image.v1+json",
};

/** Pushes an image of made-up layers; `tag` undefined leaves it untagged. */
export function pushImage(
  content: Repositories,
  repository: string,
  tag: string | undefined,
  options: ImageOptions = {},
): PushedImage {
  const flavour = options.mediaTypes ?? "oci";
  const platform = options.platform ?? { os: "linux", architecture: "amd64" };
  const layers = (options.layers ?? [1000]).map((layer, position) => {
    const seed = `${repository}:${tag ?? platform.architecture}#${position}`;
    const payload = typeof layer === "number" ? seededBlob(seed, layer) : toPayload(layer);
    return pushDescribed(content, repository, payload, layerTypes[flavour]);
  });
  const rootfs = { type: "layers", diff_ids: layers.map((layer) => layer.digest) };
  const config = pushDescribed(
    content,
    repository,
    toPayload(JSON.stringify({ ...platform, config: {}, rootfs })),
    configTypes[flavour],
  );
  const mediaType = flavour === "oci" ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const stored = content.pushManifest(repository, tag, { schemaVersion: 2, mediaType, config, layers }, mediaType);
  return { digest: stored.digest, mediaType, manifest: stored.bytes, platform, config, layers };
}

/** Pushes an image index over images of the same repository; a Docker manifest list where the first image is Docker's. */
export function pushIndex(
  content: Repositories,
  repository: string,
  tag: string | undefined,
  images: PushedImage[],
): PushedImageIndex {
  const isDocker = images[0]?.mediaType === mediaTypes.dockerManifest;
  const mediaType = isDocker ? mediaTypes.dockerList : mediaTypes.ociIndex;
  const manifests = images.map((image) => ({
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
    platform: image.platform,
  }));
  const stored = content.pushManifest(repository, tag, { schemaVersion: 2, mediaType, manifests }, mediaType);
  return { digest: stored.digest, mediaType, manifest: stored.bytes, images };
}

/** Pushes a small artifact whose subject is `subject`, and adds it to the index under the fallback tag. */
export function pushReferrer(
  content: Repositories,
  repository: string,
  subject: Digest,
  options: ReferrerOptions,
): PushedImage {
  const config = pushDescribed(content, repository, toPayload("{}"), "application/vnd.oci.empty.v1+json");
  const body = toPayload(`${options.artifactType} of ${subject} ${JSON.stringify(options.annotations ?? {})}`);
  const layers = [pushDescribed(content, repository, body, options.artifactType)];
  const mediaType = mediaTypes.ociManifest;
  const subjectBytes = content.find(repository)?.manifests.get(subject);
  const document = {
    schemaVersion: 2,
    mediaType,
    artifactType: options.artifactType,
    config,
    layers,
    subject: {
      mediaType: subjectBytes?.mediaType ?? mediaType,
      digest: subject,
      size: subjectBytes?.bytes.length ?? 0,
    },
    ...(options.annotations && { annotations: options.annotations }),
  };
  const stored = content.pushManifest(repository, undefined, document, mediaType);
  const fallback = content.pushManifest(
    repository,
    undefined,
    referrersIndex(referrersOf(content, repository, subject)),
    mediaTypes.ociIndex,
  );
  content.referrersTag(repository, referrersTag(subject), fallback.digest);
  const platform = { os: "unknown", architecture: "unknown" };
  return { digest: stored.digest, mediaType, manifest: stored.bytes, platform, config, layers };
}

/** The descriptors of all manifests of the repository whose subject is `subject`. */
export function referrersOf(content: Repositories, repository: string, subject: string): Record<string, unknown>[] {
  const manifests = [...(content.find(repository)?.manifests.values() ?? [])];
  return manifests.map((manifest) => descriptorIfReferrer(manifest, subject)).filter((found) => found !== undefined);
}

export function referrersIndex(manifests: Record<string, unknown>[]): Record<string, unknown> {
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

function descriptorIfReferrer(manifest: StoredManifest, subject: string): Record<string, unknown> | undefined {
  if (!manifest.bytes.includes('"subject"')) return undefined;
  const facts = factsIfValid(manifest.bytes);
  if (!facts?.edges.some((edge) => edge.role === "subject" && edge.digest === subject)) return undefined;
  return {
    mediaType: manifest.mediaType,
    digest: digestOf(manifest.bytes),
    size: manifest.bytes.length,
    artifactType: facts.artifactType,
    annotations: facts.annotations,
  };
}

/** A test may push nonsense as a manifest; it refers to nothing. */
function factsIfValid(bytes: Buffer): ManifestFacts | undefined {
  try {
    return parseManifest(bytes);
  } catch {
    return undefined;
  }
}

function pushDescribed(
  content: Repositories,
  repository: string,
  payload: Payload,
  mediaType: string,
): ImageDescriptor {
  const digest = content.pushBlob(repository, payload, { as: digestOfPayload(payload) });
  return { mediaType, digest, size: payload.size };
}
