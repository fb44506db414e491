import type { ByteRange } from "../cache/index.ts";

/**
 * The byte range of a Range header (RFC 9110 section 14.2). Undefined where the header is to be ignored: absent,
 * another unit, malformed, or several ranges (the whole blob is then a proper answer).
 */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "");
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") return last === "" ? undefined : { kind: "suffix", length: toInteger(last) };
  if (last === "") return { kind: "from", first: toInteger(first), last: undefined };
  const range = { kind: "from", first: toInteger(first), last: toInteger(last) } as const;
  return range.last < range.first ? undefined : range;
}

/** Whether If-Range allows the range: absent, or exactly our strong entity tag (RFC 9110 section 13.1.5). */
export function ifRangeAllows(header: string | string[] | undefined, etag: string): boolean {
  return header === undefined || header === etag;
}

/** Whether If-None-Match names our entity tag: 304 (RFC 9110 section 13.1.2). */
export function ifNoneMatchMatches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((part) => part.trim() === "*" || part.trim().replace(/^W\//, "") === etag);
}

/** More digits than a length can have are as good as the largest one. */
function toInteger(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}
