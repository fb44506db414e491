// What an answer of a registry must look like, for the clients that read each header.
import { deepEqual, equal } from "node:assert/strict";
import { digestOf } from "../fixture-image.ts";
import type { FixtureImage, ManifestBytes } from "../fixture-manifests.ts";
import type { CountingProxy, UpstreamRequest } from "../counting-proxy.ts";
import type { Answer } from "./wire.ts";

/** go-containerregistry compares each of the three verbatim, on HEAD too. */
export function assertManifestHeaders(answer: Answer, manifest: ManifestBytes): void {
  equal(answer.status, 200, "status");
  equal(answer.headers["content-type"], manifest.mediaType, "Content-Type");
  equal(answer.headers["content-length"], String(manifest.bytes.length), "Content-Length");
  equal(answer.headers["docker-content-digest"], manifest.digest, "Docker-Content-Digest");
  equal(answer.headers["content-encoding"], undefined, "Content-Encoding");
}

export function assertManifest(answer: Answer, manifest: ManifestBytes): void {
  assertManifestHeaders(answer, manifest);
  equal(digestOf(answer.body), manifest.digest, "digest of the manifest");
}

export function assertBlob(answer: Answer, digest: string, bytes: Buffer): void {
  equal(answer.status, 200, "status");
  equal(answer.headers["content-length"], String(bytes.length), "Content-Length");
  equal(answer.headers["docker-content-digest"], digest, "Docker-Content-Digest");
  equal(answer.headers["accept-ranges"], "bytes", "Accept-Ranges");
  equal(answer.headers["content-encoding"], undefined, "Content-Encoding");
  equal(answer.headers["transfer-encoding"], undefined, "Transfer-Encoding");
  equal(digestOf(answer.body), digest, "digest of the blob");
}

/** An error as the specification writes it: JSON with a code. */
export function assertError(answer: Answer, status: number, code: string): void {
  equal(answer.status, status, "status");
  equal(answer.headers["content-type"]?.split(";")[0], "application/json", "Content-Type of an error");
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string }[] };
  equal(errors[0]?.code, code, "error code");
}

const summary = ({ method, path, status }: UpstreamRequest) => `${method} ${path} ${status}`;

/** Throws unless the manifests of one platform were fetched once each, and nothing else but HEADs of the tag. */
export function assertManifestsFetchedOnce(upstream: CountingProxy, image: FixtureImage): void {
  const gets = upstream.requests.filter(({ method, kind }) => method === "GET" && kind === "manifest");
  equal(gets.length, 2, `manifest GETs at the upstream: ${gets.map(summary).join(", ")}`);
  const tagHeads = upstream.requests.filter(({ method, kind }) => method === "HEAD" && kind === "manifest");
  equal(tagHeads.length <= 1, true, `manifest HEADs at the upstream: ${tagHeads.map(summary).join(", ")}`);
  const foreign = upstream.requests.filter(
    ({ path }) => !path.startsWith(`/v2/${image.repository}/`) && path !== "/v2/",
  );
  deepEqual(foreign.map(summary), [], "requests outside the repository");
}
