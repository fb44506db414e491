/** One byte range of a Range header (RFC 9110 section 14.1.2), before the length of the blob is known. */
export type ByteRange = { kind: "from"; first: number; last: number | undefined } | { kind: "suffix"; length: number };

/** Bytes `start` to `end`, `end` exclusive. */
export interface Span {
  start: number;
  end: number;
}

/**
 * The part of a blob of `size` bytes that a range names. An end past the blob is clamped (an older docker asks for one
 * byte too many when it resumes). Undefined where nothing of the blob is in the range: 416.
 */
export function spanOf(range: ByteRange, size: number): Span | undefined {
  if (range.kind === "suffix") {
    return range.length === 0 || size === 0 ? undefined : { start: Math.max(0, size - range.length), end: size };
  }
  if (range.first >= size) return undefined;
  return { start: range.first, end: Math.min(size, (range.last ?? size - 1) + 1) };
}
