import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";

export interface PullServerLimits {
  /** An idle connection is kept this long; dockerd and containerd reuse connections for minutes. */
  keepAliveTimeoutMs: number;
  /** A client must have sent its request's header within this time. */
  headersTimeoutMs: number;
}

const maxHeaderBytes = 16 * 1024;
const closeIdleEveryMs = 100;

/** A server for a pull listener. Node itself answers malformed HTTP with 400, 408 or 431 and closes the connection. */
export function createPullServer(listener: RequestListener, limits: PullServerLimits): Server {
  const server = createServer({ maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: 5000 }, listener);
  server.keepAliveTimeout = limits.keepAliveTimeoutMs;
  server.headersTimeout = limits.headersTimeoutMs;
  // A request has no body, so its header's limit is the whole of it.
  server.requestTimeout = limits.headersTimeoutMs;
  return server;
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
