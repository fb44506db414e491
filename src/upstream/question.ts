import type { Delay } from "./backoff.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { abandon, contentLengthOf, isEncoded, isHtml, readBody } from "./answer.ts";
import type { Endpoint, EndpointAnswer, Question } from "./endpoint.ts";
import type { RecentFailures } from "./recent-failures.ts";
import { UpstreamError } from "./errors.ts";
import { bodyError, statusError } from "./connection/failure.ts";
import { isWithheld } from "./told.ts";
import type { UpstreamLimits, UpstreamObserver } from "./settings.ts";
import type { Standing } from "./authorization/standing.ts";

/** What the verbs of this room share: one upstream's endpoints and what is known about them. */
export interface Asking {
  upstream: string;
  endpoints: readonly Endpoint[];
  standing: Standing;
  limits: UpstreamLimits;
  observer: UpstreamObserver;
  recentFailures: RecentFailures;
  /** Whether every endpoint's host is known to be down. */
  isFailing: () => boolean;
  bandwidth: Bandwidth;
  /** Milliseconds since the epoch. */
  now: () => number;
  delay: Delay;
}

interface Judgement {
  accepted: readonly number[];
  signal: AbortSignal;
}

/** Asks, and judges the answer. */
export async function askFor(
  asking: Asking,
  endpoint: Endpoint,
  question: Question,
  judgement: Judgement,
): Promise<EndpointAnswer> {
  return judge(asking, endpoint, question, await endpoint.ask(question, judgement.signal), judgement);
}

/** The answer where its status is one of `accepted`; any other status as the error it stands for. */
export async function judge(
  asking: Asking,
  endpoint: Endpoint,
  question: Question,
  answer: EndpointAnswer,
  { accepted, signal }: Judgement,
): Promise<EndpointAnswer> {
  if (answer.status < 300 && endpoint.isOrigin) asking.standing.answered(question.repository, answer.credential.id);
  if (accepted.includes(answer.status) && !isWithheld(answer)) return answer;
  const isTrusted = areCredentialsTrusted(asking, answer, question);
  const error = await statusError(answer, {
    upstream: asking.upstream,
    host: endpoint.url.host,
    subject: subjectOf(question),
    isOrigin: endpoint.isOrigin,
    areCredentialsTrusted: isTrusted,
  });
  signal.throwIfAborted();
  // A list has no other word than this for a repository that is not there.
  const isList = question.kind === "tags" || question.kind === "referrers";
  if (isList && answer.status === 404 && error.told?.detail["policy"] === undefined && !error.told?.detail["registry"])
    return answer;
  const isRefused = error.kind === "unauthorized" || error.kind === "denied";
  if (isRefused && !isTrusted && answer.credential.credentials) endpoint.refusedFinally(error.message);
  throw error;
}

/** Whether a refusal is about the repository: the credential was accepted. What is refused to a fallback says nothing. */
function areCredentialsTrusted({ standing }: Asking, answer: EndpointAnswer, { repository }: Question): boolean {
  const { hasToken, credential } = answer;
  return !credential.isFallback && (hasToken || standing.isProvenBesides(repository, credential.id));
}

/** Refuses an answer of good status whose body cannot be what was asked for. */
export function refuseUnusable(asking: Asking, answer: EndpointAnswer, question: Question): void {
  if (isHtml(answer.headers) && question.kind !== "blob") throw unusable(asking, answer, question, "with a web page");
  if (isEncoded(answer.headers))
    throw unusable(asking, answer, question, "in a Content-Encoding that was not asked for");
}

/** A bad-response error; the body is given up. */
export function unusable(asking: Asking, answer: EndpointAnswer, question: Question, why: string): UpstreamError {
  abandon(answer);
  const message = `${answer.url.host} answered ${answer.status} ${why} for the ${subjectOf(question)}`;
  return new UpstreamError("bad-response", message, { upstream: asking.upstream, status: answer.status });
}

/** The body of an answer; a broken one or one of more than `maxBytes` is an error. */
export async function readAnswer(
  asking: Asking,
  answer: EndpointAnswer,
  question: Question,
  maxBytes: number,
): Promise<Buffer> {
  const length = contentLengthOf(answer.headers) ?? 0;
  const bytes =
    length > maxBytes
      ? undefined
      : await readBody(answer.body, maxBytes, (count) => asking.observer.bytes(count)).catch((error: unknown) => {
          throw bodyError(error, asking.upstream, answer.url.host);
        });
  if (bytes) return bytes;
  throw unusable(asking, answer, question, `with more than ${maxBytes} bytes`);
}

function subjectOf({ kind, repository }: Question): string {
  const nouns = {
    manifest_tag: "manifest",
    manifest_digest: "manifest",
    blob: "blob",
    tags: "tags",
    referrers: "referrers",
  };
  return `${nouns[kind]} of ${repository}`;
}
