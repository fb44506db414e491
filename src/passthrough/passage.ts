import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import httpProxy from "http-proxy";
import { UpstreamError, type PushDestination, type PushGate } from "../upstream/index.ts";
import { requestHeaders } from "./headers.ts";
import { hasBody, type Push } from "./push.ts";

/** A registry that moves gigabytes into object storage at the end of an upload takes its time. */
const patienceMs = 5 * 60 * 1000;

/**
 * Sends the request on to a registry as it comes in, nothing of it held back; resolves with the header of the answer.
 * When the client leaves, the connection to the registry is closed: http-proxy alone leaves it open once the body is in.
 * @throws UpstreamError; anything where the client has left
 */
export function pass(
  { request, response }: Push,
  destination: PushDestination,
  authorization: string | undefined,
  gate: PushGate,
): Promise<IncomingMessage> {
  const { url, agent } = destination;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(gate.failure(error, url));
    // An empty body may have to be sent again, to another address or with another token.
    const body = hasBody(request) ? {} : { buffer: Readable.from([]) };
    const proxy = httpProxy.createProxyServer({});
    proxy.on("proxyReq", (outgoing) => {
      closeWith(response, outgoing);
      limit(outgoing, gate, isQuick(request));
    });
    proxy.on("proxyRes", resolve);
    proxy.on("econnreset", fail);
    const headers = requestHeaders(request, destination.isElsewhere ? undefined : authorization);
    withOther(request, { url: `${url.pathname}${url.search}`, headers }, () => {
      proxy.web(
        request,
        response,
        {
          target: {
            protocol: url.protocol,
            host: bareHost(url),
            hostname: bareHost(url),
            port: url.port || (url.protocol === "https:" ? "443" : "80"),
          },
          // The path as it stands in request.url, untouched.
          toProxy: true,
          prependPath: false,
          selfHandleResponse: true,
          agent,
          ...body,
        },
        fail,
      );
    });
  });
}

/** http-proxy copies what it needs of the request before it returns. */
function withOther(request: IncomingMessage, other: Pick<IncomingMessage, "url" | "headers">, work: () => void): void {
  const { url, headers } = request;
  Object.assign(request, other);
  try {
    work();
  } finally {
    Object.assign(request, { url, headers });
  }
}

function closeWith(response: ServerResponse, outgoing: ClientRequest): void {
  const close = (): void => void outgoing.destroy();
  if (response.destroyed) close();
  else response.once("close", close);
  outgoing.once("close", () => response.off("close", close));
}

/** Time for connecting, and time in which nothing moves: little for a question, much where bytes are to be stored. */
function limit(outgoing: ClientRequest, gate: PushGate, isQuickOne: boolean): void {
  const { connectTimeoutMs, headerTimeoutMs } = gate.limits;
  const give = (what: string) => (): void => {
    outgoing.destroy(new UpstreamError("timeout", `${outgoing.host} ${what}`, { upstream: gate.upstream }));
  };
  const { socket } = outgoing;
  if (socket?.connecting) {
    const timer = setTimeout(give("cannot be reached in time"), connectTimeoutMs);
    for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
  }
  outgoing.setTimeout(isQuickOne ? headerTimeoutMs : patienceMs, give("did not answer in time"));
}

function isQuick(request: IncomingMessage): boolean {
  return !hasBody(request) && request.method !== "PUT";
}

/** An IPv6 literal without its brackets: node:net wants it so. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}
