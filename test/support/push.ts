import { digestOf, type Digest } from "../../src/oci/index.ts";
import type { Instance, Reply } from "./instance.ts";

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const ociConfig = "application/vnd.oci.image.config.v1+json";
const ociLayer = "application/vnd.oci.image.layer.v1.tar+gzip";

/** A client that pushes: a name as it writes it, and the header that it has been given. */
export interface Pusher {
  instance: Instance;
  name: string;
  headers: Record<string, string>;
}

export interface Manifest {
  bytes: Buffer;
  digest: Digest;
}

/** An image manifest of these blobs, the first of them its config. */
export function manifestOf(blobs: readonly Buffer[], more: Record<string, unknown> = {}): Manifest {
  const [config, ...layers] = blobs.map((blob, index) => ({
    mediaType: index === 0 ? ociConfig : ociLayer,
    digest: digestOf(blob),
    size: blob.length,
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers, ...more }));
  return { bytes, digest: digestOf(bytes) };
}

export function beginUpload({ instance, name, headers }: Pusher, query = ""): Promise<Reply> {
  return instance.ask(`/v2/${name}/blobs/uploads/${query}`, { method: "POST", headers });
}

/** What docker does: POST, one PATCH, PUT with the digest and no body. Each step goes to where the one before has led. */
export async function pushBlob(pusher: Pusher, blob: Buffer): Promise<Reply> {
  const { instance, headers } = pusher;
  const begun = await beginUpload(pusher);
  if (begun.status !== 202) return begun;
  const type = { ...headers, "content-type": "application/octet-stream" };
  const patched = await instance.ask(locationOf(begun), { method: "PATCH", headers: type, body: blob });
  if (patched.status !== 202) return patched;
  const end = `${locationOf(patched)}${locationOf(patched).includes("?") ? "&" : "?"}digest=${digestOf(blob)}`;
  return instance.ask(end, { method: "PUT", headers });
}

export function putManifest(
  { instance, name, headers }: Pusher,
  reference: string,
  { bytes }: Manifest,
): Promise<Reply> {
  const type = { ...headers, "content-type": ociManifest };
  return instance.ask(`/v2/${name}/manifests/${reference}`, { method: "PUT", headers: type, body: bytes });
}

/** The Location of an answer: always a path on our side. */
export function locationOf(reply: Reply): string {
  const location = String(reply.headers["location"]);
  if (!location.startsWith("/v2/")) throw new Error(`the Location ${location} is not on our side`);
  return location;
}
