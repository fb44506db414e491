import type { IncomingMessage, ServerResponse } from "node:http";

/** More than this is not taken from a client that has had its answer: its connection is closed. */
const maxDiscardedBytes = 16 * 1024 * 1024;

/**
 * For an answer that comes before the end of the request: what the client still sends is taken and thrown away, since
 * closing the connection under it could take the answer with it.
 */
export function discardRest(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) return;
  response.once("finish", () => {
    let length = 0;
    request.unpipe();
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxDiscardedBytes) request.destroy();
    });
  });
}
