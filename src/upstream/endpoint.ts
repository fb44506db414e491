import { formatVia, type Pseudonym } from "../chain/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { discard, type Answer, type HeardAnswer } from "./answer.ts";
import type { Asker, Authorization, Authorizer } from "./authorization/authorizer.ts";
import type { Credential, CredentialSource } from "./credentials/credential-source.ts";
import { CredentialRefused } from "./errors.ts";
import type { Errand } from "./hosts/hosts.ts";
import { addNamespace, hopsOf, nameAt } from "./parents.ts";
import { sendFollowing, type RedirectPolicy } from "./redirect.ts";
import type { ParentSettings, RequestKind, UpstreamObserver } from "./settings.ts";
import type { Onward } from "./upstream.ts";
import type { Transport } from "./connection/transport.ts";

/** What is asked of an endpoint, in the terms of distribution-spec. */
export interface Question {
  kind: RequestKind;
  method: "GET" | "HEAD";
  repository: RepositoryName;
  /** Below the repository, with its query: `manifests/latest`. */
  path: string;
  headers: Record<string, string>;
  onward: Onward;
  /** Asked for what its header says: the body is not read, however long it is. */
  isProof?: boolean;
}

export interface EndpointAnswer extends HeardAnswer {
  /** Whether a token service accepted the credential, or our having none, for this request. */
  hasToken: boolean;
  /** Whose answer this is. */
  credential: Credential;
}

/** One endpoint of an upstream: a parent cache, the origin, or a mirror. */
export interface Endpoint {
  readonly url: URL;
  /** Whether what it says is what the registry says: the origin itself, or a parent, whose word counts as much. */
  readonly isOrigin: boolean;
  readonly isParent: boolean;
  /** A final answer of any status, authenticated as well as can be. @throws UpstreamError where there is none. */
  ask(question: Question, signal: AbortSignal): Promise<EndpointAnswer>;
  /** To be told when an answer turns out to be a refusal of the credential, not of the repository. */
  refusedFinally(reason: string): void;
}

export interface EndpointOptions {
  /** Of the upstream, which parents are told. */
  upstream: string;
  url: URL;
  isOrigin: boolean;
  parent: ParentSettings | undefined;
  /** How we call ourselves towards other caches; undefined for whoever is none. */
  pseudonym: Pseudonym | undefined;
  credentials: CredentialSource;
  authorizer: Authorizer;
  transport: Transport;
  redirects: RedirectPolicy;
  observer: UpstreamObserver;
}

/** What came of one credential: an answer, or the token service's refusal of it. */
type Attempt = { answer: EndpointAnswer; isRefused: boolean } | { refusal: CredentialRefused; isRefused: true };

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { url, isOrigin, parent, credentials } = options;
  return {
    url,
    isOrigin,
    isParent: parent !== undefined,
    refusedFinally: (reason) => credentials.refusedFinally(reason),
    async ask(question, signal) {
      const { repository } = question;
      const first = await credentials.get(repository, signal);
      let last = await attempt(options, question, first, signal);
      if (!last.isRefused) return settle(last);
      const renewed = await credentials.get(repository, signal, first.id).catch((error: unknown) => {
        drop(last);
        throw error;
      });
      if (renewed.id !== first.id) {
        drop(last);
        last = await attempt(options, question, renewed, signal);
      }
      if (!last.isRefused) return settle(last);
      const { fallback } = credentials;
      if ("refusal" in last || fallback) credentials.refusedFinally(wordsOf(last));
      if (!fallback) return settle(last);
      drop(last);
      return settle(await attempt(options, question, fallback, signal));
    },
  };
}

async function attempt(
  options: EndpointOptions,
  question: Question,
  credential: Credential,
  signal: AbortSignal,
): Promise<Attempt> {
  try {
    const { answer, sent } = await converse(options, question, credential, signal);
    // A token says that the credential was accepted: what is refused then is the repository.
    const isSent = sent !== undefined && sent.token === undefined;
    const isRefused = isSent && !answer.isElsewhere && (answer.status === 401 || answer.status === 403);
    const repeats = repeating(credential, sent);
    const hops = options.parent && !answer.isElsewhere ? hopsOf(answer.headers) : undefined;
    const heard = { hops: hops && !repeats(hops.text) ? hops : undefined, repeats };
    return { answer: { ...answer, ...heard, hasToken: sent?.token !== undefined, credential }, isRefused };
  } catch (error) {
    if (error instanceof CredentialRefused && credential.credentials) return { refusal: error, isRefused: true };
    throw error;
  }
}

/** Asks, answers challenges as long as that can help, and tells what was sent last. */
async function converse(
  options: EndpointOptions,
  question: Question,
  credential: Credential,
  signal: AbortSignal,
): Promise<{ answer: Answer; sent: Authorization | undefined }> {
  const { authorizer } = options;
  const asker: Asker = { repository: question.repository, credential };
  // The token is there before the request takes a connection.
  let sent = await authorizer.known(asker, signal);
  for (;;) {
    const answer = await send(options, { question, credential, authorization: sent, signal });
    if (answer.status !== 401 || answer.isElsewhere) return { answer, sent };
    const challenges = answer.headers.get("www-authenticate") ?? [];
    const next = await authorizer.answer(asker, challenges, sent, signal).catch((error: unknown) => {
      discard(answer);
      throw error;
    });
    if (!next) return { answer, sent };
    discard(answer);
    sent = next;
  }
}

function repeating({ credentials }: Credential, sent: Authorization | undefined): (text: string) => boolean {
  const [, header = ""] = sent?.header.split(" ") ?? [];
  const own = credentials?.kind === "basic" ? credentials.password : credentials?.token;
  const secrets = [header, sent?.token ?? "", own ?? ""].filter((secret) => secret !== "");
  return (text) => secrets.some((secret) => text.includes(secret));
}

interface Sending {
  question: Question;
  credential: Credential;
  authorization: Authorization | undefined;
  signal: AbortSignal;
}

function send(options: EndpointOptions, sending: Sending): Promise<Answer> {
  const { upstream, url, parent, transport, redirects, observer } = options;
  const { question, credential, authorization, signal } = sending;
  const base = url.pathname.replace(/\/+$/, "");
  const path = `${base}/v2/${nameAt(upstream, parent, question.repository)}/${question.path}`;
  return sendFollowing(
    transport,
    {
      method: question.method,
      url: addNamespace(new URL(path, url.origin), upstream, parent),
      headers: question.headers,
      homeHeaders: onwardHeaders(options, question.onward),
      authorization: authorization?.header,
      credentialId: credential.id,
      signal,
      errand: errandOf(question),
      onOutcome: (status, seconds) => observer.request(question.kind, status, seconds),
    },
    redirects,
  );
}

/** What goes to the endpoint and not where it redirects: by whom the request has come (RFC 9110 section 7.6.3), and what of caches is wanted. */
function onwardHeaders({ parent, pseudonym }: EndpointOptions, { via = [], mustRevalidate = false }: Onward) {
  const isCacheAsked = parent !== undefined && mustRevalidate;
  return {
    ...(pseudonym && { via: formatVia([...via, pseudonym]) }),
    ...(isCacheAsked && { "cache-control": "no-cache" }),
  };
}

function wordsOf(last: Attempt): string {
  if ("refusal" in last) return last.refusal.message;
  return `${last.answer.url.host} answered ${last.answer.status} to our credentials`;
}

function errandOf({ kind, method, repository, isProof = false }: Question): Errand {
  const isHead = method === "HEAD" || isProof;
  if (kind === "blob")
    return { repository, lane: isHead ? "control" : "blobs", counted: isHead ? "blob heads" : "blobs" };
  if (kind === "tags" || kind === "referrers") return { repository, lane: "control", counted: "lists" };
  return { repository, lane: "control", counted: isHead ? "manifest heads" : "manifests" };
}

function settle(last: Attempt): EndpointAnswer {
  if ("refusal" in last) throw last.refusal;
  return last.answer;
}

function drop(last: Attempt): void {
  if ("answer" in last) discard(last.answer);
}
