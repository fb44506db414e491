import type { IncomingMessage } from "node:http";
import { RegistryError } from "../oci/index.ts";
import type { UpstreamError } from "../upstream/index.ts";
import { answerHeaders } from "./headers.ts";
import type { PushAnswer } from "./push.ts";

const maxBodyBytes = 64 * 1024;

/** What a registry answers to a push has no body but that of an error, and that is small. Longer ones are given up. */
export async function readBody(reply: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of reply as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBodyBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}

/** An error of the registry: its status and, where it is one of distribution-spec, its body. Pages of others are not passed on. */
export async function errorAnswer(reply: IncomingMessage, upstream: string, isHead: boolean): Promise<PushAnswer> {
  const status = reply.statusCode ?? 502;
  const sent = await readBody(reply).catch(() => undefined);
  const body = sent && isErrorDocument(sent) ? sent : ownWords(status, upstream);
  const headers = { ...answerHeaders(reply, false), "content-type": "application/json", "content-length": body.length };
  return { status, headers, body: isHead ? Buffer.alloc(0) : body, isChallenge: status === 401 };
}

/** What is refused to the client before its request reached the registry: its token service said so. */
export function refusalAnswer(error: UpstreamError): PushAnswer {
  const { upstream, kind: reason, message: said, status } = error;
  const document = {
    errors: [
      {
        code: "UNAUTHORIZED",
        message: `${upstream} refuses these credentials`,
        detail: { upstream, reason, said, ...(status !== undefined && { status }) },
      },
    ],
  };
  const body = Buffer.from(`${JSON.stringify(document)}\n`);
  const headers = { "content-type": "application/json", "content-length": body.length };
  return { status: 401, headers, body, isChallenge: true };
}

/** @throws RegistryError BAD_UPSTREAM for an answer that makes no sense here */
export function unusable(upstream: string, why: string): RegistryError {
  return new RegistryError("BAD_UPSTREAM", `${upstream} gave an answer that cannot be used`, {
    detail: { upstream, reason: "bad-response", said: why },
  });
}

function isErrorDocument(bytes: Buffer): boolean {
  try {
    const document = JSON.parse(bytes.toString("utf8")) as { errors?: unknown } | null;
    return Array.isArray(document?.errors);
  } catch {
    return false;
  }
}

function ownWords(status: number, upstream: string): Buffer {
  const codes: Partial<Record<number, string>> = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    405: "UNSUPPORTED",
    413: "SIZE_INVALID",
    429: "TOOMANYREQUESTS",
  };
  const code = codes[status] ?? (status >= 500 ? "UNAVAILABLE" : "UNSUPPORTED");
  const error = { code, message: `${upstream} answered ${status}`, detail: { upstream, status } };
  return Buffer.from(`${JSON.stringify({ errors: [error] })}\n`);
}
