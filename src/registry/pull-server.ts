import { createServer, type RequestListener, type Server } from "node:http";

export interface PullServerLimits {
  /** An idle connection is kept this long; dockerd and containerd reuse connections for minutes. */
  keepAliveTimeoutMs: number;
  /** A client must have sent its request's header within this time. */
  headersTimeoutMs: number;
}

const maxHeaderBytes = 16 * 1024;

/** A server for a pull listener. Malformed HTTP is answered with 400 and the connection is closed. */
export function createPullServer(listener: RequestListener, limits: PullServerLimits): Server {
  const server = createServer({ maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: 5000 }, listener);
  server.keepAliveTimeout = limits.keepAliveTimeoutMs;
  server.headersTimeout = limits.headersTimeoutMs;
  // A request has no body, so its header's limit is the whole of it.
  server.requestTimeout = limits.headersTimeoutMs;
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  return server;
}
