import type { IncomingMessage } from "node:http";

/** A request as far as access looks at it. */
export function requestFrom(remoteAddress: string | undefined, headers: Record<string, string> = {}): IncomingMessage {
  return { method: "GET", url: "/v2/", headers, socket: { remoteAddress } } as unknown as IncomingMessage;
}
