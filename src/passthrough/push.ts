import type { IncomingMessage, ServerResponse } from "node:http";
import type { PushOperation, RepositoryName } from "../oci/index.ts";
import type { Credentials } from "../upstream/index.ts";

/** One request of a push, understood and authenticated. */
export interface Push {
  request: IncomingMessage;
  /** Only looked at: who answers is the caller. */
  response: ServerResponse;
  operation: PushOperation;
  upstream: string;
  repository: RepositoryName;
  /** The repository as the client calls it, and its `ns`: what it is told to ask for next is written in its own words. */
  name: RepositoryName;
  namespace: string | undefined;
  principal: { id: string; credentials: Credentials | undefined };
  /** Where the time is booked that the upstream takes, in ms. */
  trace: { upstreamMs: number };
  /** Aborts when the client leaves. */
  signal: AbortSignal;
}

/** What the client is to be told. For HEAD, Content-Length is the length of what a GET would bring. */
export interface PushAnswer {
  status: number;
  headers: Record<string, string | number>;
  body: Buffer;
  /** Whether the registry, or its token service, refuses what the client has shown: a challenge belongs to the answer. */
  isChallenge: boolean;
}

/** Whether a body comes with the request: it can be sent on once and not again. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0);
}

/** A path with the query that the client needs to reach the same upstream again. */
export function ownPath({ name, namespace }: Push, below: string): string {
  const query = namespace === undefined ? "" : `?${new URLSearchParams({ ns: namespace }).toString()}`;
  return `/v2/${name}/${below}${query}`;
}
