import express from "express";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { maxCaches, parseVia, type Pseudonym } from "../chain/index.ts";
import { tokenPath, type Access } from "../access/index.ts";
import { BodyBroken, type Cache } from "../cache/index.ts";
import { RegistryError, type RepositoryName } from "../oci/index.ts";
import { createRequestLog, type Logger, type Metrics } from "../telemetry/index.ts";
import { boundUpstream, parseNamespace, resolveAddress, type Address, type AddressBook } from "./addressing.ts";
import { discardRest } from "./discard-rest.ts";
import type { ClientLimits } from "./client-limits.ts";
import { Exchange, recordAtEnd } from "./exchange.ts";
import { sendBytes, sendError } from "./headers.ts";
import { HotAnswers, type HotPlace } from "./hot-answers.ts";
import { plainRequest } from "./plain-request.ts";
import type { Offload } from "./offload.ts";
import { sendToken } from "./token.ts";
import { pullAgain } from "./pull-again.ts";
import { pullBlob, pullManifest, pullReferrers, pullTags, type PullPorts, type PullRequest } from "./pull.ts";
import { answerPush, forwardPush, type PushPort } from "./push.ts";
import { parsePushRoute } from "./push-route.ts";
import { parseRoute, type Route } from "./route.ts";
import type { ReaderLimits } from "./send-body.ts";
import { parseTarget, type RequestTarget } from "./target.ts";

export interface PullListenerOptions {
  cache: Cache;
  access: Access;
  push: PushPort;
  book: AddressBook;
  /** The upstream that this listener serves alone; undefined for the main one. */
  bound: string | undefined;
  /** How this instance calls itself towards other caches. */
  pseudonym: Pseudonym;
  clientLimits: ClientLimits;
  /** Milliseconds since the epoch. */
  now: () => number;
  offload: Offload;
  readerLimits: ReaderLimits;
  metrics: Metrics;
  logger: Logger;
}

interface Guarded {
  exchange: Exchange;
  hot: HotPlace | undefined;
  target: RequestTarget;
}

/** The `/v2/` face: guard, then the Express app, with one funnel for whatever goes wrong in either. */
export function createPullListener(options: PullListenerOptions): RequestListener {
  const guarded = new WeakMap<IncomingMessage, Guarded>();
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  const hotAnswers = new HotAnswers(options);
  const ports = { ...options, hotAnswers };
  const recording = { ...options, log: createRequestLog(options.logger) };
  app.use(async (request: IncomingMessage, response: ServerResponse) => {
    const passed = guarded.get(request);
    if (!passed) throw new Error("a request came round the guard");
    await answer(ports, request, response, passed).catch((error: unknown) => {
      fail(options.logger, request, response, passed.exchange, error);
    });
  });
  return (request, response) => {
    const plain = plainRequest(request);
    const exchange = new Exchange(response, {
      userAgent: plain ? plain.userAgent : request.headers["user-agent"],
      hasCredentials: !plain && request.headers.authorization !== undefined,
      idleTimeoutMs: options.readerLimits.idleTimeoutMs,
    });
    recordAtEnd(exchange, request, response, recording);
    const serve = (): void => {
      try {
        refuseMethod(request, options.push);
        const hot = plain && hotAnswers.place(plain.key);
        guarded.set(request, { exchange, hot, target: parseTarget(request) });
      } catch (error) {
        response.shouldKeepAlive = false;
        fail(options.logger, request, response, exchange, error);
        return;
      }
      app(request, response);
    };
    const hot = plain && hotAnswers.find(plain.key);
    const isAnswered = hot ? pullAgain(ports, { response, exchange }, hot) : false;
    if (isAnswered === false) serve();
    else if (isAnswered !== true) {
      isAnswered.then(
        (was) => was || serve(),
        (error: unknown) => fail(options.logger, request, response, exchange, error),
      );
    }
  };
}

/** The method list, before any routing (CVE-2026-41888): what is not a pull does not exist here. */
function refuseMethod(request: IncomingMessage, push: PushPort): void {
  const { method = "" } = request;
  if (method === "GET" || method === "HEAD") return;
  if (push.isOpen && ["POST", "PATCH", "PUT", "DELETE"].includes(method)) return;
  if (request.method === "POST" && request.url?.split("?", 1)[0] === tokenPath) return;
  throw new RegistryError("UNSUPPORTED", "only GET and HEAD are served here: entrepot is a pull-through cache");
}

async function answer(
  options: PullListenerOptions & PullPorts,
  request: IncomingMessage,
  response: ServerResponse,
  guarded: Guarded,
): Promise<void> {
  const {
    exchange,
    target: { path, query },
  } = guarded;
  const { access, push } = options;
  if (path === tokenPath && access.expectsCredentials) {
    sendToken(request, response, exchange, await access.answerToken(request));
    return;
  }
  const pushRoute = push.isOpen ? parsePushRoute(request.method ?? "", path, query) : undefined;
  if (pushRoute && request.method !== "HEAD") {
    const place = locate(options, request, exchange, { name: pushRoute.name, query });
    await answerPush(options, { request, response, exchange, ...place }, pushRoute);
    return;
  }
  const route = parseRoute(path);
  if (route.kind === "ping") {
    exchange.kind = "ping";
    await access.ping(request);
    ping(request, response, exchange);
    return;
  }
  exchange.kind = kindOf(route);
  const { address, bound } = locate(options, request, exchange, { name: route.name, query });
  const via = parseVia(request.headers.via);
  refuseCircle(via, options.pseudonym, address.upstream);
  const principal = await access.authenticate(request);
  exchange.user = principal.user;
  const isPushing = push.takes(address.upstream) && access.isPushing(principal, route.name);
  if (isPushing && pushRoute) {
    await forwardPush(options, { request, response, exchange, address, bound }, pushRoute, principal);
    return;
  }
  const asked = { ...address, via, trace: exchange.trace };
  const viewer = await access.authorize(request, principal, { ...asked, what: route });
  const target = { ...asked, viewer };
  // What a client is given for its own credential's sake is decided each time.
  const hot = viewer ? undefined : guarded.hot;
  await pull(options, { request, response, exchange, query, target, hot, mustCheck: isPushing }, route);
}

/**
 * Before anything is asked or waited for: in a circle the request would wait for itself. A gateway's status, as the mistake is
 * in no request but in where the caches ask; whoever has another endpoint goes on to that.
 */
function refuseCircle(via: readonly Pseudonym[], own: Pseudonym, upstream: string): void {
  if (via.includes(own)) {
    const words = `the parent caches for ${upstream} lead in a circle: this request has come through here before (or two instances have the same dataDir/instance-id)`;
    throw new RegistryError("BAD_UPSTREAM", words, { detail: { upstream, reason: "circle" } });
  }
  if (via.length < maxCaches) return;
  const words = `this request has come through ${via.length} caches, and more than that in a row are not allowed`;
  throw new RegistryError("BAD_UPSTREAM", words, { detail: { upstream, reason: "circle" } });
}

/** Which upstream and repository a name means here; written down for the log. */
function locate(
  { book, ...options }: PullListenerOptions,
  request: IncomingMessage,
  exchange: Exchange,
  { name, query }: { name: RepositoryName; query: RequestTarget["query"] },
): { address: Address; bound: string | undefined } {
  exchange.repository = name;
  const ns = parseNamespace(query.get("ns"));
  exchange.namespace = ns;
  const bound = options.bound ?? boundUpstream(book, request.headers.host);
  const address = resolveAddress(book, { name, ns, bound });
  exchange.upstream = address.upstream;
  exchange.repository = address.repository;
  return { address, bound };
}

function pull(ports: PullPorts, request: PullRequest, route: Exclude<Route, { kind: "ping" }>): Promise<void> {
  switch (route.kind) {
    case "manifest":
      return pullManifest(ports, request, route.reference);
    case "blob":
      return pullBlob(ports, request, route.digest);
    case "tags":
      return pullTags(ports, request, route);
    case "referrers":
      return pullReferrers(ports, request, route.digest);
  }
}

function kindOf(route: Exclude<Route, { kind: "ping" }>): Exchange["kind"] {
  if (route.kind !== "manifest") return route.kind;
  return route.reference.kind === "tag" ? "manifest_tag" : "manifest_digest";
}

/** Clients ask this first: 200 says that there is a registry, and that no credentials are wanted, or that these are good. */
function ping(request: IncomingMessage, response: ServerResponse, exchange: Exchange): void {
  exchange.outcome = "hit";
  const body = Buffer.from("{}");
  const headers = { "Content-Type": "application/json", "Content-Length": body.length };
  sendBytes(response, exchange, 200, headers, request.method === "HEAD" ? undefined : body);
}

/**
 * Before our header: an error answer. After it: the socket ends with FIN and never with JSON in a half-sent body, so that
 * the client sees an unexpected end and resumes.
 */
function fail(
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
  error: unknown,
): void {
  const hasLeft = error instanceof BodyBroken && error.kind === "closed";
  const isExpected = error instanceof RegistryError || error instanceof BodyBroken;
  if (!isExpected) logger.error({ requestId: exchange.requestId, err: error }, "a bug");
  if (hasLeft) {
    // containerd's parallel fetch hangs up when it has what it wanted: no error. A reader that stalls takes no FIN either.
    exchange.error = error.kind;
    response.destroy();
    return;
  }
  if (!response.headersSent) {
    if (response.shouldKeepAlive) discardRest(request, response);
    const told = error instanceof RegistryError ? error : unknownError(error);
    sendError(response, exchange, told, request.method === "HEAD");
    return;
  }
  exchange.outcome = "error";
  exchange.error = error instanceof BodyBroken ? error.kind : "UNKNOWN";
  response.socket?.destroySoon();
}

function unknownError(error: unknown): RegistryError {
  if (error instanceof BodyBroken) return new RegistryError("BAD_UPSTREAM", error.message, { cause: error });
  return new RegistryError("UNKNOWN", "an error inside entrepot; its log has the request id and the reason", {
    cause: error,
  });
}
