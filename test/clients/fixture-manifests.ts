// The fixture's content written down as an OCI image index or as a Docker manifest list, and pushed with skopeo.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type ChildProcesses } from "./child-processes.ts";
import type { Credentials } from "./credentials.ts";
import {
  architectures,
  digestOf,
  type Architecture,
  type Config,
  type Content,
  type Layer,
  native,
} from "./fixture-image.ts";

export interface ManifestBytes {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface FixtureImage {
  readonly repository: string;
  readonly tag: string;
  readonly content: Content;
  readonly index: ManifestBytes;
  readonly manifests: Readonly<Record<Architecture, ManifestBytes>>;
}

interface Format {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

export const oci: Format = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

export const docker: Format = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

function asManifest(mediaType: string, fields: object): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }, null, 2));
  return { digest: digestOf(bytes), mediaType, bytes };
}

const descriptor = (mediaType: string, blob: { digest: string; bytes: Buffer }) => ({
  mediaType,
  digest: blob.digest,
  size: blob.bytes.length,
});

function writeManifest(format: Format, config: Config): ManifestBytes {
  return asManifest(format.manifest, {
    config: descriptor(format.config, config),
    layers: config.layers.map((layer) => descriptor(format.layer, layer)),
  });
}

export function composeImage(repository: string, content: Content, format: Format): FixtureImage {
  const manifests = {
    amd64: writeManifest(format, content.amd64),
    arm64: writeManifest(format, content.arm64),
  };
  const index = asManifest(format.index, {
    manifests: architectures.map((architecture) => ({
      ...descriptor(format.manifest, manifests[architecture]),
      platform: { architecture, os: "linux" },
    })),
  });
  return { repository, tag: "1", content, index, manifests };
}

/** Digests and bytes of what one platform needs: configuration and layers. */
export function blobsOf(image: FixtureImage, wanted: readonly Architecture[] = [native]): Map<string, Buffer> {
  const configs = wanted.map((architecture) => image.content[architecture]);
  return new Map(configs.flatMap((config) => [config, ...config.layers]).map((blob) => [blob.digest, blob.bytes]));
}

export function largestLayer(image: FixtureImage): Layer {
  return image.content[native].layers.reduce((largest, layer) =>
    layer.bytes.length > largest.bytes.length ? layer : largest,
  );
}

export function manifestsOf(image: FixtureImage, wanted: readonly Architecture[] = [native]): Map<string, Buffer> {
  const manifests = [image.index, ...wanted.map((architecture) => image.manifests[architecture])];
  return new Map(manifests.map((manifest) => [manifest.digest, manifest.bytes]));
}

/** Writes the image as an OCI layout and answers skopeo's name of it. */
function writeOciLayout(image: FixtureImage, directory: string): string {
  const blobs = join(directory, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  for (const [digest, bytes] of [...blobsOf(image, architectures), ...manifestsOf(image, architectures)]) {
    writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
  }
  const entry = {
    ...descriptor(image.index.mediaType, image.index),
    annotations: { "org.opencontainers.image.ref.name": image.tag },
  };
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  return `oci:${directory}:${image.tag}`;
}

/** Writes the image as skopeo's `dir:`, the form that keeps Docker's media types. */
function writeDirectory(image: FixtureImage, directory: string): string {
  mkdirSync(directory, { recursive: true });
  const hexOf = (digest: string) => digest.slice("sha256:".length);
  for (const [digest, bytes] of blobsOf(image, architectures)) writeFileSync(join(directory, hexOf(digest)), bytes);
  for (const { digest, bytes } of Object.values(image.manifests)) {
    writeFileSync(join(directory, `${hexOf(digest)}.manifest.json`), bytes);
  }
  writeFileSync(join(directory, "manifest.json"), image.index.bytes);
  writeFileSync(join(directory, "version"), "Directory Transport Version: 1.1\n");
  return `dir:${directory}`;
}

/** Pushes to a registry on loopback, and makes sure that the registry holds exactly these bytes. */
export async function pushImage(
  processes: ChildProcesses,
  image: FixtureImage,
  registryPort: number,
  directory: string,
  credentials?: Credentials,
): Promise<void> {
  const isOci = image.index.mediaType === oci.index;
  const source = isOci ? writeOciLayout(image, directory) : writeDirectory(image, directory);
  const target = `127.0.0.1:${registryPort}/${image.repository}:${image.tag}`;
  const { username, password } = credentials ?? { username: "", password: "" };
  const shown = credentials ? ["--dest-creds", `${username}:${password}`] : [];
  const insecure = ["--dest-tls-verify=false", ...shown];
  await processes.run(binary("skopeo"), ["copy", "--all", ...insecure, source, `docker://${target}`]);
  const url = `http://127.0.0.1:${registryPort}/v2/${image.repository}/manifests/${image.tag}`;
  const answer = await fetch(url, {
    headers: {
      accept: image.index.mediaType,
      ...(credentials && { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` }),
    },
  });
  const stored = digestOf(Buffer.from(await answer.arrayBuffer()));
  if (stored !== image.index.digest) throw new Error(`skopeo changed the index of ${target} to ${stored}`);
}
