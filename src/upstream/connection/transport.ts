import { performance } from "node:perf_hooks";
import type { Readable } from "node:stream";
import { parseAnswerHeaders, type AnswerHeaders } from "../answer.ts";
import { ForbiddenAddress, isReusedSocketError } from "./connector.ts";
import { isRefusedHost } from "./address.ts";
import { isReset, transportError } from "./failure.ts";
import type { Errand, Hosts } from "../hosts/hosts.ts";
import type { Pools } from "./pools.ts";
import { userAgent } from "./user-agent.ts";

/** One request on the wire: no redirect, no authentication. */
export interface Exchange {
  /** POST for tokens only: it may be sent twice, where a kept-alive connection dies. */
  method: "GET" | "HEAD" | "POST";
  url: URL;
  /** Besides Accept-Encoding and User-Agent. Names in lower case, from our own list, never a client's. */
  headers: Record<string, string>;
  body?: string;
  credentialId: string;
  isGuarded: boolean;
  /** Who is asked, for messages; the URL's host where this is absent. */
  peer?: string;
  errand: Errand;
  signal: AbortSignal;
  /** Told once per request that went out; undefined where there was no answer. */
  onOutcome: (status: number | undefined, seconds: number) => void;
}

/** What came back, before anyone judged it. */
export interface Reply {
  status: number;
  headers: AnswerHeaders;
  body: Readable;
}

export interface Transport {
  /** @throws UpstreamError where there is no answer; the signal's reason as it is; ForbiddenAddress where the guard refuses. */
  send(exchange: Exchange): Promise<Reply>;
}

export function createTransport(options: {
  upstream: string;
  pools: Pools;
  /** Left out for pushes: what a client does with its own credentials says nothing of ours, and is not made to wait. */
  hosts?: Hosts;
  closing: AbortSignal;
  onRetry: () => void;
}): Transport {
  const attempt = (exchange: Exchange) => sendOnce(exchange, options.pools);
  const sendAgainIfDropped = async (exchange: Exchange): Promise<Reply> => {
    try {
      return await attempt(exchange);
    } catch (error) {
      exchange.signal.throwIfAborted();
      // RFC 9112 section 9.3.1: a server may close an idle connection at any time, also under our request.
      if (!(error instanceof Error && isReset(error) && isReusedSocketError(error))) throw error;
      options.onRetry();
      return attempt(exchange);
    }
  };
  return {
    async send(exchange) {
      options.closing.throwIfAborted();
      const { signal } = exchange;
      if (exchange.isGuarded && isRefusedHost(exchange.url.hostname)) throw new ForbiddenAddress();
      const passage = await options.hosts?.enter(exchange.url, exchange.errand, signal);
      try {
        const reply = await sendAgainIfDropped(exchange);
        passage?.answered(reply, exchange.method === "HEAD");
        return reply;
      } catch (error) {
        passage?.failed(error, signal.aborted || options.closing.aborted);
        signal.throwIfAborted();
        if (error instanceof ForbiddenAddress) throw error;
        throw transportError(error, options.upstream, exchange.peer ?? exchange.url.host);
      }
    },
  };
}

async function sendOnce(exchange: Exchange, pools: Pools): Promise<Reply> {
  const { method, url, signal, credentialId, isGuarded } = exchange;
  const started = performance.now();
  const report = (status: number | undefined): void => exchange.onOutcome(status, (performance.now() - started) / 1000);
  signal.throwIfAborted();
  try {
    const { statusCode, headers, body } = await pools.of({ origin: url.origin, credentialId, isGuarded }).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { "accept-encoding": "identity", "user-agent": userAgent, ...exchange.headers },
      // undici closes the connection after a HEAD unless told not to; revalidations are HEADs, all day long.
      reset: false,
      ...(exchange.body !== undefined && { body: exchange.body }),
      signal,
    });
    report(statusCode);
    return { status: statusCode, headers: parseAnswerHeaders(headers), body };
  } catch (error) {
    report(undefined);
    throw error;
  }
}
