import type { IncomingMessage } from "node:http";
import { clientError, type Change } from "../cache/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { UpstreamError, type Authorization, type PushDestination, type PushGate } from "../upstream/index.ts";
import { changeOf } from "./change.ts";
import { answerHeaders } from "./headers.ts";
import { destinationOf, ownLocation } from "./locations.ts";
import { pass } from "./passage.ts";
import { hasBody, type Push, type PushAnswer } from "./push.ts";
import { errorAnswer, readBody, refusalAnswer, unusable } from "./reply.ts";
import { scopesOf } from "./scopes.ts";
import { Uploads } from "./uploads.ts";

export interface PassthroughPorts {
  /** One for each upstream that takes pushes. */
  gates: readonly PushGate[];
  /** Told before the client is. */
  changed: (repository: { upstream: string; name: RepositoryName }, change: Change) => Promise<void>;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What is not cached: the requests of a push, handed to the upstream with what the client itself has to show. */
export interface Passthrough {
  /** Whether any upstream takes pushes. */
  readonly isOpen: boolean;
  takes(upstream: string): boolean;
  /** @throws RegistryError; anything where the client has left */
  forward(push: Push): Promise<PushAnswer>;
}

const maxHops = 5;
const redirects = [301, 302, 303, 307, 308];

export function createPassthrough({ gates, changed, now }: PassthroughPorts): Passthrough {
  const gateOf = new Map(gates.map((gate) => [gate.upstream, gate]));
  const uploads = new Uploads(now);
  return {
    isOpen: gates.length > 0,
    takes: (upstream) => gateOf.has(upstream),
    async forward(push) {
      const gate = gateOf.get(push.upstream);
      if (!gate) throw new Error(`${push.upstream} takes no pushes`);
      const startedAt = performance.now();
      try {
        return await answer(push, { gate, uploads, changed });
      } catch (error) {
        if (error instanceof UpstreamError && error.kind === "unauthorized") return refusalAnswer(error);
        throw clientError(error);
      } finally {
        push.trace.upstreamMs += performance.now() - startedAt;
      }
    },
  };
}

interface Ports extends Pick<PassthroughPorts, "changed"> {
  gate: PushGate;
  uploads: Uploads;
}

async function answer(push: Push, ports: Ports): Promise<PushAnswer> {
  const { operation, upstream, request } = push;
  const { gate, uploads } = ports;
  const isHead = request.method === "HEAD";
  const { reply, from } = await ask(push, destinationOf(push, gate, uploads), gate);
  const status = reply.statusCode ?? 0;
  if (status >= 400 && from.isElsewhere && status !== 404 && status !== 416) {
    await readBody(reply).catch(() => undefined);
    throw unusable(upstream, `${from.url.host}, where it takes uploads, answered ${status}`);
  }
  if (operation.kind === "upload" && (status === 404 || status === 201 || request.method === "DELETE")) {
    uploads.end(operation.id);
  }
  if (status >= 400) return errorAnswer(reply, upstream, isHead);
  await readBody(reply).catch(() => undefined);
  if (status < 200 || status >= 300) throw unusable(upstream, `${from.url.host} answered ${status}`);
  const change = changeOf(push, reply);
  if (change) await ports.changed({ upstream, name: push.repository }, change);
  const location = ownLocation(push, reply, from, ports);
  return {
    status,
    headers: {
      ...answerHeaders(reply, isHead),
      ...(location !== undefined && { location }),
      ...(!isHead && status !== 204 && { "content-length": 0 }),
    },
    body: Buffer.alloc(0),
    isChallenge: false,
  };
}

/**
 * The registry's answer. What has no body is sent again after a redirect, and once with a new token after a 401; a body
 * is on its way when the answer comes, so its token must be right at once.
 */
async function ask(
  push: Push,
  first: PushDestination,
  gate: PushGate,
): Promise<{ reply: IncomingMessage; from: PushDestination }> {
  const { request, response, principal, signal } = push;
  const pusher = {
    scopes: scopesOf(push),
    credential: { id: `client ${principal.id}`, credentials: principal.credentials },
  };
  let from = first;
  let authorization: Authorization | undefined = from.isElsewhere
    ? undefined
    : await gate.authorization(pusher, signal);
  if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
  let hasLeft = from.isElsewhere;
  for (let hop = 0; ; hop += 1) {
    const reply = await timed(gate, () => pass(push, from, authorization?.header, gate));
    const status = reply.statusCode ?? 0;
    if (hop === maxHops) return { reply, from };
    if (status === 401 && !hasLeft) {
      const challenges = reply.headersDistinct["www-authenticate"] ?? [];
      const next = await gate.answer(pusher, challenges, authorization, signal);
      if (!next || hasBody(request)) return { reply, from };
      authorization = next;
    } else if (redirects.includes(status) && mayRepeat(request, status)) {
      from = gate.follow(from.url, reply.headers.location, status);
      hasLeft ||= from.isElsewhere;
      if (hasLeft) authorization = undefined;
    } else return { reply, from };
    reply.resume();
  }
}

/** A redirect that keeps the method (RFC 9110 section 15.4). */
function mayRepeat(request: IncomingMessage, status: number): boolean {
  const { method } = request;
  if (hasBody(request)) return false;
  return method === "GET" || method === "HEAD" || status === 307 || status === 308;
}

async function timed(gate: PushGate, send: () => Promise<IncomingMessage>): Promise<IncomingMessage> {
  const startedAt = performance.now();
  const report = (status: number | undefined): void => gate.report(status, (performance.now() - startedAt) / 1000);
  try {
    const reply = await send();
    report(reply.statusCode);
    return reply;
  } catch (error) {
    report(undefined);
    throw error;
  }
}
