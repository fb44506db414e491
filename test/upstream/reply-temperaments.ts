import { gzipSync } from "node:zlib";

import { digestOf } from "../../src/oci/index.ts";
import {
  readPayload,
  seededBlob,
  seededBytes,
  slicePayload,
  spoilPayload,
  toPayload,
  type Payload,
} from "./payload.ts";
import { errorReply, redirectReply, textReply, withHeaders, type Reply } from "./reply.ts";
import type { Temperament } from "./temperament.ts";

/** One byte of the body is inverted. */
export function wrongByte(at: number): Temperament {
  return { name: "wrong byte", reply: (reply) => ({ ...reply, body: spoilPayload(reply.body, at) }) };
}

/** Sends more bytes after the end that Content-Length announced. */
export function extraBytes(count = 10): Temperament {
  const extra = seededBytes("extra", count);
  return {
    name: "extra bytes",
    reply: (reply) => ({ ...reply, body: joinPayloads(reply.body, toPayload(extra)) }),
    delivery: { closesAfter: true },
  };
}

/** Content-Length is off by `by`: positive says too much, negative too little. */
export function wrongLength(by: number): Temperament {
  return {
    name: by > 0 ? "length too long" : "length too short",
    reply: (reply) => withHeaders(reply, { "content-length": String(Math.max(0, reply.body.size + by)) }),
    delivery: { closesAfter: true },
  };
}

/** A body that never ends, chunked. */
export function endless(): Temperament {
  return {
    name: "endless",
    reply: (reply) => ({ ...reply, body: seededBlob("endless", Infinity) }),
    delivery: { framing: "chunked" },
  };
}

export function wrongDigest(digest: string = digestOf(Buffer.from("something else"))): Temperament {
  return {
    name: "wrong digest header",
    reply: (reply) => withHeaders(reply, { "docker-content-digest": digest, etag: `"${digest}"` }),
  };
}

export function noDigest(): Temperament {
  return { name: "no digest header", reply: (reply) => withHeaders(reply, {}, ["docker-content-digest", "etag"]) };
}

export function noContentType(): Temperament {
  return { name: "no Content-Type", reply: (reply) => withHeaders(reply, {}, ["content-type"]) };
}

export function wrongContentType(value = "text/plain; charset=utf-8"): Temperament {
  return { name: "wrong Content-Type", reply: (reply) => withHeaders(reply, { "content-type": value }) };
}

/** Sets and removes headers of the reply. */
export function headers(set: Record<string, string>, remove: string[] = []): Temperament {
  return { name: "headers", reply: (reply) => withHeaders(reply, set, remove) };
}

/** 401 with a challenge, whatever the request carries. */
export function challengeLoop(): Temperament {
  return { name: "challenge loop", reply: (_, context) => context.challenge() };
}

/** 401 with a registry's body and no challenge. */
export function unauthorized(): Temperament {
  return instead("unauthorized", errorReply(401, "UNAUTHORIZED", "authentication required"));
}

/** 403 with a registry's body. */
export function denied(): Temperament {
  return instead("denied", errorReply(403, "DENIED", "requested access to the resource is denied"));
}

/** 429; `retryAfter` in seconds, or as a date; absent: no Retry-After. */
export function rateLimited(retryAfter?: number | Date): Temperament {
  const value = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter?.toString();
  const header: Record<string, string> = value === undefined ? {} : { "retry-after": value };
  return instead(
    "rate limited",
    errorReply(429, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit.", header),
  );
}

/** Any status, with any body and headers: the 5xx of a gateway, a token that is not JSON. */
export function status(
  code: number,
  body = "",
  contentType = "text/plain",
  extra: Record<string, string> = {},
): Temperament {
  return instead(`status ${code}`, textReply(code, contentType, body, extra));
}

/** 200 with a page for people: a captive portal, a login page. */
export function htmlPage(): Temperament {
  return instead("HTML page", textReply(200, "text/html; charset=utf-8", "<!doctype html><title>Welcome</title>"));
}

/** Redirects to the very address that was asked. */
export function redirectLoop(): Temperament {
  return {
    name: "redirect loop",
    reply: (_, { asked, ownUrl }) =>
      redirectReply(`${ownUrl}${asked.path}${asked.query.size > 0 ? `?${asked.query.toString()}` : ""}`),
  };
}

export function redirectTo(location: string, code = 307): Temperament {
  return instead("redirect", redirectReply(location, code));
}

/** 200 with the whole body, whatever Range asked for. */
export function ignoresRange(): Temperament {
  return { name: "ignores Range", ignoresRange: true };
}

/** 206 whose Content-Range is not the one asked for: `value`, or every number one too high. */
export function wrongContentRange(value?: string): Temperament {
  return {
    name: "wrong Content-Range",
    reply: (reply) => {
      const own = reply.headers["content-range"];
      if (own === undefined) return reply;
      const shifted = own.replace(/\d+/g, (number) => String(Number(number) + 1));
      return withHeaders(reply, { "content-range": value ?? shifted });
    },
  };
}

/** The body is compressed, and says so. */
export function gzip(): Temperament {
  return {
    name: "gzip",
    reply: (reply) => {
      const body = toPayload(gzipSync(readPayload(reply.body)));
      return withHeaders({ ...reply, body }, { "content-encoding": "gzip", "content-length": String(body.size) });
    },
  };
}

/** The same status and headers over other bytes. */
export function otherBody(content: string | Uint8Array): Temperament {
  const body = toPayload(content);
  const length = { "content-length": String(body.size) };
  return { name: "other body", reply: (reply) => withHeaders({ ...reply, body }, length) };
}

function instead(name: string, reply: Reply): Temperament {
  return { name, reply: () => reply };
}

function joinPayloads(first: Payload, second: Payload): Payload {
  return {
    size: first.size + second.size,
    *pieces(from, end) {
      if (from < first.size) yield* first.pieces(from, Math.min(end, first.size));
      if (end > first.size)
        yield* slicePayload(second, Math.max(0, from - first.size), second.size).pieces(
          0,
          end - Math.max(from, first.size),
        );
    },
  };
}
