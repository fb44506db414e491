import {
  formatReference,
  manifestMediaTypes,
  maxManifestBytes,
  parseContentType,
  parseDigest,
  type Reference,
  type RepositoryName,
} from "../oci/index.ts";
import { discard, headerOf, headLengthOf } from "./answer.ts";
import type { Endpoint, EndpointAnswer, Question } from "./endpoint.ts";
import { askInOrder } from "./endpoints.ts";
import { askFor, readAnswer, refuseUnusable, type Asking } from "./question.ts";
import { parentSaid } from "./parents.ts";
import type { ManifestBody, ManifestHead, Onward, RequestOptions } from "./upstream.ts";

/**
 * The answers to a HEAD that leave open what a GET would say. 401 and 403 are among them at the origin: a HEAD has no
 * body that tells a registry's refusal from a gateway's, and some registries refuse only HEAD.
 */
const undecided = [401, 403, 405, 501];

/** HEAD of a manifest (distribution-spec end-3), at the origin, else at a mirror. Nothing is known where the origin does not allow HEAD. */
export function headManifest(
  asking: Asking,
  repository: RepositoryName,
  reference: Reference,
  options: RequestOptions,
): Promise<ManifestHead | undefined> {
  const question = manifestQuestion("HEAD", repository, reference, options);
  return askInOrder(asking, question, options, async (endpoint) => {
    const accepted = endpoint.isOrigin ? [200, 404, ...undecided] : [200, 404];
    const answer = await askFor(asking, endpoint, question, { accepted, signal: options.signal });
    discard(answer);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) {
      return { digest: undefined, size: undefined, contentType: undefined, isFromOrigin: endpoint.isOrigin };
    }
    refuseUnusable(asking, answer, question);
    return { ...describe(answer, endpoint), size: headLengthOf(answer.headers) };
  });
}

/** GET of a manifest (distribution-spec end-3): its bytes as they were sent, at most 4 MiB. */
export function getManifest(
  asking: Asking,
  repository: RepositoryName,
  reference: Reference,
  options: RequestOptions,
): Promise<ManifestBody | undefined> {
  const question = manifestQuestion("GET", repository, reference, options);
  return askInOrder(asking, question, options, async (endpoint) => {
    const answer = await askFor(asking, endpoint, question, { accepted: [200, 404], signal: options.signal });
    if (answer.status === 404) {
      discard(answer);
      return undefined;
    }
    refuseUnusable(asking, answer, question);
    return { ...describe(answer, endpoint), bytes: await readAnswer(asking, answer, question, maxManifestBytes) };
  });
}

function manifestQuestion(
  method: "GET" | "HEAD",
  repository: RepositoryName,
  reference: Reference,
  onward: Onward,
): Question {
  return {
    kind: reference.kind === "tag" ? "manifest_tag" : "manifest_digest",
    method,
    repository,
    path: `manifests/${formatReference(reference)}`,
    // Always the whole set: a registry that misses a type in it may convert the manifest, and with it the digest.
    headers: { accept: manifestMediaTypes.join(", ") },
    onward,
  };
}

function describe(answer: EndpointAnswer, endpoint: Endpoint) {
  const contentType = headerOf(answer.headers, "content-type");
  return {
    digest: parseDigest(headerOf(answer.headers, "docker-content-digest") ?? ""),
    contentType: contentType === undefined ? undefined : parseContentType(contentType),
    isFromOrigin: endpoint.isOrigin,
    parent: parentSaid(answer),
  };
}
