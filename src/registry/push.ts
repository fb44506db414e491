import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access, Principal } from "../access/index.ts";
import { RegistryError, type Digest, type PushOperation, type RepositoryName } from "../oci/index.ts";
import { resolveAddress, type Address, type AddressBook } from "./addressing.ts";
import { discardRest } from "./discard-rest.ts";
import type { Exchange } from "./exchange.ts";
import { outcomeOfStatus, sendBytes, type Headers } from "./headers.ts";
import type { PushRoute } from "./push-route.ts";

/** One request of a push, as it is handed on. */
export interface ForwardedPush extends Address {
  request: IncomingMessage;
  response: ServerResponse;
  operation: PushOperation;
  /** The repository as the client calls it, with its `ns`. */
  name: RepositoryName;
  namespace: string | undefined;
  principal: Principal;
  trace: { upstreamMs: number };
  signal: AbortSignal;
}

interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
  /** Whether a challenge belongs to it. */
  isChallenge: boolean;
}

/** Where pushes go. */
export interface PushPort {
  /** Whether any upstream takes pushes. */
  readonly isOpen: boolean;
  takes(upstream: string): boolean;
  forward(push: ForwardedPush): Promise<Answer>;
}

export interface PushPorts {
  push: PushPort;
  access: Access;
  book: AddressBook;
}

export interface PushRequest {
  request: IncomingMessage;
  response: ServerResponse;
  exchange: Exchange;
  /** What the client's name was found to mean. */
  address: Address;
  bound: string | undefined;
}

/** Answers a request that changes something, or is about something that is being changed. */
export async function answerPush(ports: PushPorts, push: PushRequest, route: PushRoute): Promise<void> {
  const { request, exchange, address } = push;
  const method = request.method ?? "GET";
  if (!ports.push.takes(address.upstream)) throw refusal(method, address.upstream);
  const action = method === "DELETE" ? "delete" : "push";
  const principal = await ports.access.authenticatePush(request, { name: route.name, action });
  exchange.user = principal.user;
  await forwardPush(ports, push, route, principal);
}

/** The same for a principal that is known already: a HEAD of one that has come to push. */
export async function forwardPush(
  ports: PushPorts,
  push: PushRequest,
  { name, operation, from }: PushRoute,
  principal: Principal,
): Promise<void> {
  const { request, response, exchange, address } = push;
  exchange.kind = "other";
  exchange.reference = referenceOf(operation);
  ports.access.refuseRepository(address.upstream, address.repository);
  digestsOf(operation).forEach((digest) => ports.access.refuseDigest(digest));
  if (!request.complete) limitBody(request, response, exchange.idleTimeoutMs);
  const answer = await ports.push.forward({
    ...address,
    ...{ request, response, name, principal },
    operation: from === undefined ? operation : withFrom(operation, mountedFrom(ports, push, from)),
    namespace: exchange.namespace,
    trace: exchange.trace,
    signal: exchange.signal,
  });
  exchange.outcome = outcomeOfStatus(answer.status);
  const challenge = answer.isChallenge ? ports.access.refuse(request, "refused").challenge : undefined;
  const headers = { ...answer.headers, ...(challenge !== undefined && { "WWW-Authenticate": challenge }) };
  discardRest(request, response);
  sendBytes(response, exchange, answer.status, headers, request.method === "HEAD" ? undefined : answer.body);
}

/** A client that sends nothing for as long as another may take nothing is dropped. */
function limitBody(request: IncomingMessage, response: ServerResponse, idleTimeoutMs: number): void {
  response.setTimeout(idleTimeoutMs, () => {
    if (!request.complete) response.destroy();
  });
  request.once("end", () => response.setTimeout(0));
}

/**
 * The repository that a mount takes a blob from, if it is of the same upstream, and not denied here; from any other one
 * nothing can be mounted.
 */
function mountedFrom(
  { book, access }: PushPorts,
  { exchange, address, bound }: PushRequest,
  from: RepositoryName,
): RepositoryName | undefined {
  try {
    const meant = resolveAddress(book, { name: from, ns: exchange.namespace, bound });
    if (meant.upstream !== address.upstream) return undefined;
    access.refuseRepository(meant.upstream, meant.repository);
    return meant.repository;
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

/** What is mounted from elsewhere has to be uploaded. */
function withFrom(operation: PushOperation, from: RepositoryName | undefined): PushOperation {
  if (operation.kind !== "start" || !operation.mount) return operation;
  return { ...operation, mount: from && { ...operation.mount, from } };
}

function refusal(method: string, upstream: string): RegistryError {
  if (method === "GET") return new RegistryError("NOT_FOUND", "there is nothing at this path");
  return new RegistryError("UNSUPPORTED", `only GET and HEAD are served here: pushes to ${upstream} are not passed on`);
}

function referenceOf(operation: PushOperation): string | undefined {
  if (operation.kind === "manifest" && operation.reference.kind === "tag") return operation.reference.tag;
  return digestsOf(operation).at(-1);
}

function digestsOf(operation: PushOperation): Digest[] {
  switch (operation.kind) {
    case "start":
      return [operation.digest, operation.mount?.digest].filter((digest) => digest !== undefined);
    case "upload":
      return operation.digest === undefined ? [] : [operation.digest];
    case "manifest":
      return operation.reference.kind === "digest" ? [operation.reference.digest] : [];
    case "blob":
      return [operation.digest];
  }
}
