import type { IncomingMessage, ServerResponse } from "node:http";
import type { TokenDocument } from "../access/index.ts";
import type { Exchange } from "./exchange.ts";
import { sendBytes } from "./headers.ts";

/** Answers our own token endpoint. A token is for nobody's cache. */
export function sendToken(
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
  document: TokenDocument,
): void {
  exchange.outcome = "hit";
  const body = Buffer.from(JSON.stringify(document));
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    "Cache-Control": "no-store",
  };
  sendBytes(response, exchange, 200, headers, request.method === "HEAD" ? undefined : body);
}
