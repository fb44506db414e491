import { slicePayload, type Payload } from "./payload.ts";
import type { Reply } from "./reply.ts";

/** All of `body`, or the part `range` asks for: 206, or 416 where no byte of it exists (RFC 9110 section 14). */
export function rangedReply(body: Payload, headers: Record<string, string>, range: string | undefined): Reply {
  const whole = { ...headers, "accept-ranges": "bytes" };
  const span = range === undefined ? undefined : parseRange(range, body.size);
  if (!span) return { status: 200, headers: { ...whole, "content-length": String(body.size) }, body };
  if (span.from >= body.size || span.end <= span.from) {
    const refused = { "content-range": `bytes */${body.size}`, "content-length": "0" };
    return { status: 416, headers: refused, body: slicePayload(body, 0, 0) };
  }
  const contentRange = `bytes ${span.from}-${span.end - 1}/${body.size}`;
  return {
    status: 206,
    headers: { ...whole, "content-range": contentRange, "content-length": String(span.end - span.from) },
    body: slicePayload(body, span.from, span.end),
  };
}

/** One range of bytes, `end` exclusive; undefined for what a server may ignore (several ranges, other units). */
function parseRange(range: string, size: number): { from: number; end: number } | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return { from: Math.max(0, size - Number(last)), end: size };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return { from: Number(first), end: last === "" ? size : Math.min(size, Number(last) + 1) };
}
