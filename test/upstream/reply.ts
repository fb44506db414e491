import { toPayload, type Payload } from "./payload.ts";

/** An answer before it is sent. Header names are in lower case. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Payload;
}

export function textReply(
  status: number,
  contentType: string,
  text: string,
  headers: Record<string, string> = {},
): Reply {
  const body = toPayload(text);
  return { status, headers: { "content-type": contentType, "content-length": String(body.size), ...headers }, body };
}

export function jsonReply(status: number, document: unknown, headers: Record<string, string> = {}): Reply {
  return textReply(status, "application/json", JSON.stringify(document), headers);
}

/** An error body as distribution-spec, "Error Codes", has it. */
export function errorReply(status: number, code: string, message: string, headers: Record<string, string> = {}): Reply {
  return jsonReply(status, { errors: [{ code, message }] }, headers);
}

export function redirectReply(location: string, status = 307): Reply {
  return textReply(status, "text/html", `<a href="${location}">Temporary Redirect</a>.\n`, { location });
}

export function emptyReply(status: number, headers: Record<string, string> = {}): Reply {
  return { status, headers, body: toPayload("") };
}

export function withHeaders(reply: Reply, set: Record<string, string>, remove: string[] = []): Reply {
  const kept = Object.entries(reply.headers).filter(([name]) => !remove.includes(name));
  return { ...reply, headers: { ...Object.fromEntries(kept), ...set } };
}
