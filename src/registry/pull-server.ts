import type { Duplex } from "node:stream";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions as TlsOptions,
} from "node:https";

export interface PullServerLimits {
  /** An idle connection is kept this long; dockerd and containerd reuse connections for minutes. */
  keepAliveTimeoutMs: number;
  /** A client must have sent its request's header within this time. */
  headersTimeoutMs: number;
  /** Whether requests may have bodies, which take as long as they take: then only standing still is limited, elsewhere. */
  hasBodies: boolean;
}

const maxHeaderBytes = 16 * 1024;
const closeIdleEveryMs = 100;

/** A server for a pull listener, with TLS where `tls` is given. What is no HTTP is answered with an empty 400, 408 or 431, and its connection is closed. */
export function createPullServer(listener: RequestListener, limits: PullServerLimits): Server;
export function createPullServer(listener: RequestListener, limits: PullServerLimits, tls: TlsOptions): TlsServer;
export function createPullServer(listener: RequestListener, limits: PullServerLimits, tls?: TlsOptions): Server {
  const latest = new WeakMap<Duplex, ServerResponse>();
  // Without a Host header the request reaches the guard, which refuses it in our own words.
  const options = { maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: 5000, requireHostHeader: false };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    latest.set(request.socket, response);
    listener(request, response);
  };
  const server = tls ? createTlsServer({ ...options, ...tls }, serve) : createServer(options, serve);
  server.keepAliveTimeout = limits.keepAliveTimeoutMs;
  server.headersTimeout = limits.headersTimeoutMs;
  // Without a body its header's limit is that of the whole request.
  server.requestTimeout = limits.hasBodies ? 0 : limits.headersTimeoutMs;
  // Who asks whether to go on with a body is told so where the body is wanted, and nowhere else.
  server.on("checkContinue", listener);
  server.on("checkExpectation", listener);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // In the middle of a body there is no place for a status line.
    const isBusy = latest.get(socket)?.closed === false;
    if (isBusy || !socket.writable) socket.destroy();
    else socket.end(`HTTP/1.1 ${statusLineOf(error.code)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  return server;
}

function statusLineOf(code: string | undefined): string {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
}

/**
 * Stops accepting at once. Responses that run may finish, their connections are not kept alive; what is still busy after
 * `ms` is cut.
 */
export function drainServer(server: Server, ms: number): Promise<void> {
  server.prependListener("request", (_request, response: ServerResponse) => {
    response.shouldKeepAlive = false;
  });
  const closing = setInterval(() => server.closeIdleConnections(), closeIdleEveryMs);
  const cutting = setTimeout(() => server.closeAllConnections(), ms);
  return new Promise((resolve) => {
    server.close(() => {
      clearInterval(closing);
      clearTimeout(cutting);
      resolve();
    });
  });
}
