import type { Request, RequestHandler } from "express";
import { RequestFault } from "./problem.ts";

const maxBodyBytes = 64 * 1024;

/** Whether a body is announced; one of no bytes counts as none. */
export function hasBody({ headers }: Request): boolean {
  return (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
}

/** Reads a JSON object into `request.body`, which stays undefined where there is none. Only POST and DELETE may have one. */
export const readJsonBody: RequestHandler = async (request, _response, next) => {
  if (hasBody(request)) {
    checkHeaders(request);
    request.body = parseObject(await readBytes(request));
  }
  next();
};

function checkHeaders({ method, headers }: Request): void {
  if (method !== "POST" && method !== "DELETE") throw new RequestFault(400, `${method} has no body here`);
  if (!/^application\/json *(?:;|$)/i.test(headers["content-type"] ?? "")) {
    throw new RequestFault(415, "the body must be JSON, with Content-Type: application/json");
  }
  if (headers["content-encoding"] !== undefined) throw new RequestFault(415, "the body must not be encoded");
  if (Number(headers["content-length"] ?? 0) > maxBodyBytes) throw tooLarge();
}

async function readBytes(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    // Not destroyed on return: its socket is the response's too.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBodyBytes) break;
    }
  } catch {
    throw new RequestFault(400, "the body ended too early");
  }
  if (length <= maxBodyBytes) return Buffer.concat(chunks, length);
  // The rest is read and forgotten, so that the client comes to read the answer.
  request.resume();
  throw tooLarge();
}

function tooLarge(): RequestFault {
  return new RequestFault(413, `the body must not be larger than ${maxBodyBytes / 1024} KiB`);
}

function parseObject(bytes: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new RequestFault(400, "the body is not JSON in UTF-8");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new RequestFault(400, 'the body must be a JSON object, as in {"image": "docker.io/library/alpine:3"}');
}
