import type { Digest, RepositoryName } from "../oci/index.ts";
import { contentLengthOf, contentRangeOf, discard } from "./answer.ts";
import type { EndpointAnswer, Question } from "./endpoint.ts";
import { askInOrder, type AskOptions } from "./endpoints.ts";
import { askFor, refuseUnusable, unusable, type Asking } from "./question.ts";
import type { BlobPart } from "./resuming-body.ts";
import type { BlobRange, Onward } from "./upstream.ts";

/**
 * Opens one response with a blob's bytes from `range.from` (distribution-spec end-2), at the origin, else at a mirror.
 * A 206 must be exactly what was asked for; a 200 begins at 0 whatever was asked for.
 * @throws UpstreamError also where the whole length is not `knownSize`
 */
export function openBlobPart(
  asking: Asking,
  blob: { repository: RepositoryName; digest: Digest; range: BlobRange; knownSize: number | undefined },
  options: AskOptions,
): Promise<BlobPart | undefined> {
  const { from, to } = blob.range;
  const isRanged = from > 0 || to !== undefined;
  const question = blobQuestion("GET", blob, isRanged ? { range: `bytes=${from}-${to ?? ""}` } : {}, options);
  return askInOrder(asking, question, options, async (endpoint) => {
    const accepted = isRanged ? [200, 206, 404] : [200, 404];
    const answer = await askFor(asking, endpoint, question, { accepted, signal: options.signal });
    if (answer.status === 404) {
      discard(answer);
      return undefined;
    }
    refuseUnusable(asking, answer, question);
    const part = answer.status === 206 ? readPartial(asking, answer, question, from) : readFull(answer);
    if (blob.knownSize !== undefined && part.size !== undefined && part.size !== blob.knownSize) {
      throw unusable(asking, answer, question, "with another length than before");
    }
    return part;
  });
}

function readPartial(asking: Asking, answer: EndpointAnswer, question: Question, from: number): BlobPart {
  const range = contentRangeOf(answer.headers);
  if (range?.first !== from || range.total === undefined) {
    throw unusable(asking, answer, question, "with a Content-Range that does not fit");
  }
  return { answer, start: from, size: range.total };
}

function readFull(answer: EndpointAnswer): BlobPart {
  return { answer, start: 0, size: contentLengthOf(answer.headers) };
}

export function blobQuestion(
  method: "GET" | "HEAD",
  { repository, digest }: { repository: RepositoryName; digest: Digest },
  headers: Record<string, string>,
  onward: Onward,
): Question {
  // No Content-Type and no Accept: pre-signed URLs may cover the header fields of the request.
  return { kind: "blob", method, repository, path: `blobs/${digest}`, headers, onward };
}
