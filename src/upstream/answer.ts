import type { Readable } from "node:stream";
import type { Hops } from "../chain/index.ts";

/** The header fields of an answer, by lower-case name; a field that was sent twice has two values. */
export type AnswerHeaders = ReadonlyMap<string, readonly string[]>;

/** A final answer: redirects and authentication are behind it. Its body must be read to the end or discarded. */
export interface Answer {
  status: number;
  headers: AnswerHeaders;
  body: Readable;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** Whether a redirect led to another origin than the endpoint's: a CDN's 403 is not a registry's. */
  isElsewhere: boolean;
}

/** An answer of an endpoint, and what of its words may be handed on. */
export interface HeardAnswer extends Answer {
  /** What the caches say that it came through: of a parent that is configured as one, and of nobody else. */
  hops: Hops | undefined;
  /** Whether a text holds what was shown to get this answer: then it goes no further. */
  repeats: (text: string) => boolean;
}

/** The only value of a field, or its first one. */
export function headerOf(headers: AnswerHeaders, name: string): string | undefined {
  return headers.get(name)?.[0];
}

export function parseAnswerHeaders(raw: Record<string, string | string[] | undefined>): AnswerHeaders {
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value : [value]);
  }
  return headers;
}

/** Content-Length in bytes (RFC 9110 section 8.6), where it was sent and is one number. */
export function contentLengthOf(headers: AnswerHeaders): number | undefined {
  const text = headerOf(headers, "content-length") ?? "";
  const length = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(length) ? length : undefined;
}

/** The length that an answer to HEAD states; 0 says nothing: some registries send it with every HEAD. */
export function headLengthOf(headers: AnswerHeaders): number | undefined {
  const length = contentLengthOf(headers);
  return length === 0 ? undefined : length;
}

export interface ContentRange {
  /** First and last byte, inclusive; undefined in a 416's unsatisfied range. */
  first: number | undefined;
  last: number | undefined;
  /** Length of the whole representation; undefined for `*`. */
  total: number | undefined;
}

/** Content-Range in bytes (RFC 9110 section 14.4); undefined where it is missing or contradicts itself. */
export function contentRangeOf(headers: AnswerHeaders): ContentRange | undefined {
  const match = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/i.exec(headerOf(headers, "content-range")?.trim() ?? "");
  if (!match) return undefined;
  const [first, last, total] = match.slice(1).map((text: string | undefined) => numberOf(text));
  if ([first, last, total].some((number) => number !== undefined && !Number.isSafeInteger(number))) return undefined;
  if (first !== undefined && last !== undefined && (last < first || (total !== undefined && last >= total))) {
    return undefined;
  }
  return { first, last, total };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "*" ? undefined : Number(text);
}

/** Retry-After in seconds from now: a number, or a date (RFC 9110 section 10.2.3). */
export function retryAfterOf(headers: AnswerHeaders, now = Date.now()): number | undefined {
  const text = headerOf(headers, "retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const date = text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

export function isHtml(headers: AnswerHeaders): boolean {
  const contentType = headerOf(headers, "content-type") ?? "";
  return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType);
}

/** Whether the body is coded although `identity` was asked for: its bytes are not those of the digest. */
export function isEncoded(headers: AnswerHeaders): boolean {
  const coding = headerOf(headers, "content-encoding")?.trim().toLowerCase() ?? "";
  return coding !== "" && coding !== "identity";
}

/** The whole body, or undefined where it is longer than `maxBytes`; then the connection is closed. */
export async function readBody(
  body: Readable,
  maxBytes: number,
  onBytes?: (count: number) => void,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    onBytes?.(chunk.length);
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

const maxDiscardedBytes = 16 * 1024;

/** Gives up the body of an answer: a short one is read so that the connection can be used again, else it is closed. */
export function discard({ body }: { body: Readable }): void {
  let length = 0;
  body.on("error", () => undefined);
  body.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxDiscardedBytes) body.destroy();
  });
}

/** Closes the connection of an answer whose body nobody wants. */
export function abandon({ body }: { body: Readable }): void {
  body.on("error", () => undefined).destroy();
}
