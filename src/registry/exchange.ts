import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access } from "../access/index.ts";
import {
  clientFamily,
  createRequestId,
  type ClientFamily,
  type Metrics,
  type OffloadResult,
  type Outcome,
  type RequestKind,
  type RequestLog,
} from "../telemetry/index.ts";

/** What is known of a request before it is looked at. */
export interface ExchangeBasis {
  userAgent: string | undefined;
  hasCredentials: boolean;
  /** A client that takes nothing for so long is dropped. */
  idleTimeoutMs: number;
}

/**
 * What is counted and logged of one request; filled in while it is answered. Holds no header and no query. A class: an object
 * literal with a getter has a shape of its own each time, and V8 keeps what a shape refers to until the next full collection.
 */
export class Exchange {
  readonly requestId = createRequestId();
  readonly client: ClientFamily;
  readonly hasCredentials: boolean;
  readonly startedAt = performance.now();
  /** Time spent waiting for the upstream, in ms. */
  readonly trace = { upstreamMs: 0 };
  readonly idleTimeoutMs: number;
  kind: RequestKind = "other";
  /** Undefined as long as nothing has been decided. */
  outcome: Outcome | undefined = undefined;
  upstream: string | undefined = undefined;
  repository: string | undefined = undefined;
  reference: string | undefined = undefined;
  /** The user of the htpasswd file that asked. */
  user: string | undefined = undefined;
  /** `ns` as the client sent it, to be echoed. */
  namespace: string | undefined = undefined;
  bytes = 0;
  firstByteAt: number | undefined = undefined;
  /** Whether the nginx in front was given the file to send, or says that it could not open it. */
  offload: OffloadResult | undefined = undefined;
  /** Code of the error that was answered, or what broke the body off. */
  error: string | undefined = undefined;
  /** What the upstream did to cause it, in words without secrets. */
  said: string | undefined = undefined;
  readonly #response: ServerResponse;
  #signal: AbortSignal | undefined = undefined;

  constructor(response: ServerResponse, { userAgent, hasCredentials, idleTimeoutMs }: ExchangeBasis) {
    this.#response = response;
    this.client = clientFamily(userAgent);
    this.hasCredentials = hasCredentials;
    this.idleTimeoutMs = idleTimeoutMs;
  }

  /** Aborts when the client leaves, or has had its answer. */
  get signal(): AbortSignal {
    return (this.#signal ??= signalOfEnd(this.#response));
  }
}

function signalOfEnd(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (response.closed) controller.abort();
  else response.once("close", () => controller.abort());
  return controller.signal;
}

/** Counts and logs the exchange when its response has ended, whichever way. */
export function recordAtEnd(
  exchange: Exchange,
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, log, access }: { metrics: Metrics; log: RequestLog; access: Pick<Access, "expectsCredentials"> },
): void {
  response.once("close", () => {
    const seconds = (at: number): number => (at - exchange.startedAt) / 1000;
    const durationSeconds = seconds(performance.now());
    const firstByteSeconds = exchange.firstByteAt === undefined ? undefined : seconds(exchange.firstByteAt);
    const { kind, client, bytes, upstream } = exchange;
    // A client that left before there was an answer got nothing from the cache, and no error either.
    const outcome = exchange.outcome ?? (response.writableFinished ? "error" : "uncached");
    metrics.requestFinished({ kind, outcome, client, durationSeconds, firstByteSeconds, bytes, upstream });
    if (outcome === "collapsed") metrics.requestCollapsed(kind);
    if (exchange.offload) metrics.offloaded(exchange.offload);
    if (exchange.hasCredentials && !access.expectsCredentials) metrics.unexpectedCredentials(client);
    log({
      requestId: exchange.requestId,
      method: request.method,
      upstream,
      repository: exchange.repository,
      reference: exchange.reference,
      kind,
      outcome,
      status: response.statusCode,
      bytes,
      durationMs: Math.round(durationSeconds * 1000),
      upstreamMs: Math.round(exchange.trace.upstreamMs),
      client,
      ...(exchange.offload === "sent" && { offload: true }),
      ...(exchange.offload === "failed" && { offloadFailed: true }),
      ...(exchange.user !== undefined && { user: exchange.user }),
      ...(exchange.error !== undefined && { problem: exchange.error }),
      ...(exchange.said !== undefined && { said: exchange.said }),
      ...(!response.writableFinished && { isAborted: true }),
    });
  });
}
