import type { IncomingMessage } from "node:http";
import { RegistryError } from "../oci/index.ts";

const maxTargetLength = 8 * 1024;

/** A request target that has passed the guard: the path as it was sent, and the query values decoded once. */
export interface RequestTarget {
  path: string;
  query: ReadonlyMap<string, string>;
}

const pullKeys = new Set(["ns", "n", "last", "artifactType"]);
const pushKeys = new Set(["ns", "digest", "mount", "from"]);

/**
 * The guard before the Express app: refuses what Node accepts but no registry client sends (ARCHITECTURE section 7).
 * Names and digests need no escapes, so the path is never decoded.
 * @throws RegistryError NAME_INVALID
 */
export function parseTarget(request: IncomingMessage): RequestTarget {
  refuseAmbiguity(request);
  if (!isWrite(request) || request.method === "DELETE") refuseBody(request);
  const target = request.url ?? "";
  if (target.length > maxTargetLength) throw invalid("the request target is longer than 8 KiB");
  if (!target.startsWith("/")) throw invalid("the request target must begin with `/`");
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!/^[\x21-\x7e]*$/.test(path) || /%|\/\/|\/\.\.?(?:\/|$)|\\|#/.test(path)) {
    throw invalid("the path holds an escape, a `.` or `..` part, `//` or a character that no name has");
  }
  const keys = isWrite(request) ? pushKeys : pullKeys;
  return { path, query: parseQuery(mark === -1 ? "" : target.slice(mark + 1), keys) };
}

function refuseAmbiguity(request: IncomingMessage): void {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const hosts = names.filter((name) => name === "host").length;
  if (hosts > 1) throw invalid("more than one Host header");
  if (hosts === 0 && request.httpVersion === "1.1") throw invalid("no Host header");
}

/** Whether it is a request of a push; whether those are taken at all is decided elsewhere. */
function isWrite({ method = "" }: IncomingMessage): boolean {
  return ["POST", "PATCH", "PUT", "DELETE"].includes(method);
}

function refuseBody(request: IncomingMessage): void {
  const length = request.headers["content-length"];
  if ((length !== undefined && length !== "0") || request.headers["transfer-encoding"] !== undefined) {
    throw invalid("a GET, HEAD or DELETE with a body");
  }
}

/** Only the keys that mean something here; others are ignored, a repeated one is refused. */
function parseQuery(text: string, keys: ReadonlySet<string>): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const part of text.split("&")) {
    const equals = part.indexOf("=");
    const key = equals === -1 ? part : part.slice(0, equals);
    if (!keys.has(key)) continue;
    if (query.has(key)) throw invalid(`the query names \`${key}\` twice`);
    query.set(key, decodeValue(key, equals === -1 ? "" : part.slice(equals + 1)));
  }
  return query;
}

function decodeValue(key: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw invalid(`the value of \`${key}\` is not valid percent-encoding`);
  }
}

function invalid(message: string): RegistryError {
  return new RegistryError("NAME_INVALID", message);
}
