import type { Digest, RepositoryName } from "../oci/index.ts";
import { abandon, contentRangeOf, discard, headLengthOf, isHtml } from "./answer.ts";
import { blobQuestion } from "./blob-request.ts";
import type { Endpoint, EndpointAnswer, Question } from "./endpoint.ts";
import { askInOrder } from "./endpoints.ts";
import { askFor, judge, unusable, type Asking } from "./question.ts";
import type { BlobProof, RequestOptions } from "./upstream.ts";

interface Blob {
  repository: RepositoryName;
  digest: Digest;
}

/** Proves blobs without downloading them, and remembers which endpoints refuse HEAD so that they are spared it. */
export function createBlobProver(asking: Asking): (blob: Blob, options: RequestOptions) => Promise<BlobProof> {
  const withoutHead = new WeakSet<Endpoint>();

  const proveAt = async (endpoint: Endpoint, blob: Blob, options: RequestOptions): Promise<BlobProof | undefined> => {
    const { signal } = options;
    if (!withoutHead.has(endpoint)) {
      const question = blobQuestion("HEAD", blob, {}, options);
      const answer = await endpoint.ask(question, signal);
      discard(answer);
      if (!isHeadRefused(answer)) {
        await judge(asking, endpoint, question, answer, { accepted: [200, 404], signal });
        refuseWebPage(asking, answer, question);
        return proofOf(answer);
      }
    }
    const proof = await proveByGet(asking, endpoint, blob, options);
    if (proof) withoutHead.add(endpoint);
    return proof;
  };

  return async (blob, options) => {
    const question = blobQuestion("HEAD", blob, {}, options);
    const proof = await askInOrder(asking, question, options, (endpoint) => proveAt(endpoint, blob, options));
    return proof ?? { present: false };
  };
}

/** The answers to a HEAD that leave open whether a GET would work; from a CDN any 4xx, its URL may be signed for GET. */
function isHeadRefused({ status, isElsewhere }: EndpointAnswer): boolean {
  return [400, 401, 403, 405, 501].includes(status) || (isElsewhere && status >= 400 && status < 500 && status !== 429);
}

async function proveByGet(
  asking: Asking,
  endpoint: Endpoint,
  blob: Blob,
  options: RequestOptions,
): Promise<BlobProof | undefined> {
  const question: Question = { ...blobQuestion("GET", blob, { range: "bytes=0-0" }, options), isProof: true };
  const accepted = [200, 206, 404, 416];
  const answer = await askFor(asking, endpoint, question, { accepted, signal: options.signal });
  abandon(answer);
  // A 416 with a length is how an empty blob answers; without, nothing is proven.
  if (answer.status === 416 && contentRangeOf(answer.headers)?.total === undefined) {
    throw unusable(asking, answer, question, "without a length");
  }
  refuseWebPage(asking, answer, question);
  return proofOf(answer);
}

/** A login page or a captive portal answers 200 to anything; no digest will ever be compared here. */
function refuseWebPage(asking: Asking, answer: EndpointAnswer, question: Question): void {
  if (answer.status < 300 && isHtml(answer.headers)) throw unusable(asking, answer, question, "with a web page");
}

function proofOf(answer: EndpointAnswer): BlobProof | undefined {
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) return { present: true, size: contentRangeOf(answer.headers)?.total };
  return { present: true, size: headLengthOf(answer.headers) };
}
