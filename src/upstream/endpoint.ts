import type { RepositoryName } from "../oci/index.ts";
import { discard, type Answer } from "./answer.ts";
import type { Authorization, Authorizer } from "./authorization/authorizer.ts";
import { sendFollowing, type RedirectPolicy } from "./redirect.ts";
import type { RequestKind, UpstreamObserver } from "./settings.ts";
import type { Transport } from "./connection/transport.ts";

/** What is asked of an endpoint, in the terms of distribution-spec. */
export interface Question {
  kind: RequestKind;
  method: "GET" | "HEAD";
  repository: RepositoryName;
  /** Below the repository, with its query: `manifests/latest`. */
  path: string;
  headers: Record<string, string>;
}

export interface EndpointAnswer extends Answer {
  /** Whether a token service accepted our credential, or our having none, for this request. */
  hasToken: boolean;
}

/** One endpoint of an upstream: the origin, or a mirror. */
export interface Endpoint {
  readonly url: URL;
  readonly isOrigin: boolean;
  /** A final answer of any status, authenticated as well as can be. @throws UpstreamError where there is none. */
  ask(question: Question, signal: AbortSignal): Promise<EndpointAnswer>;
}

interface EndpointOptions {
  url: URL;
  isOrigin: boolean;
  credentialId: string;
  authorizer: Authorizer;
  transport: Transport;
  redirects: RedirectPolicy;
  observer: UpstreamObserver;
}

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { url, isOrigin, authorizer, observer, credentialId } = options;
  const base = url.pathname.replace(/\/+$/, "");

  const send = (question: Question, authorization: Authorization | undefined, signal: AbortSignal): Promise<Answer> =>
    sendFollowing(
      options.transport,
      {
        method: question.method,
        url: new URL(`${base}/v2/${question.repository}/${question.path}`, url.origin),
        headers: question.headers,
        authorization: authorization?.header,
        credentialId,
        signal,
        onOutcome: (status, seconds) => observer.request(question.kind, status, seconds),
      },
      options.redirects,
    );

  return {
    url,
    isOrigin,
    async ask(question, signal) {
      // The token is there before the request takes a connection.
      let authorization = await authorizer.known(question.repository, signal);
      for (;;) {
        const answer = await send(question, authorization, signal);
        const hasToken = authorization?.token !== undefined;
        if (answer.status !== 401 || answer.isElsewhere) return { ...answer, hasToken };
        const challenges = answer.headers.get("www-authenticate") ?? [];
        const next = await authorizer
          .answer(question.repository, challenges, authorization, signal)
          .catch((error: unknown) => {
            discard(answer);
            throw error;
          });
        if (!next) return { ...answer, hasToken };
        discard(answer);
        authorization = next;
      }
    },
  };
}
