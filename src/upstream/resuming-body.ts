import { backoffMs } from "./backoff.ts";
import { abandon, contentLengthOf } from "./answer.ts";
import type { EndpointAnswer } from "./endpoint.ts";
import { UpstreamError } from "./errors.ts";
import { bodyError } from "./connection/failure.ts";
import type { Asking } from "./question.ts";
import type { BlobRange } from "./upstream.ts";

/** One response that holds bytes of a blob, from `start` on. */
export interface BlobPart {
  answer: EndpointAnswer;
  start: number;
  /** Length of the whole blob, where this response stated it. */
  size: number | undefined;
}

export interface ResumingOptions {
  asking: Asking;
  range: BlobRange;
  /** Opens the rest from byte `from`, with a fresh redirect and token; undefined where the blob is gone. */
  reopen: (from: number, knownSize: number | undefined, signal: AbortSignal) => Promise<BlobPart | undefined>;
  signal: AbortSignal;
}

const progressBytes = 1024 * 1024;
/** A longer wait than this is not sat out within a download. */
const maxRetryAfterSeconds = 30;

/**
 * The bytes of a range, each once and in order. A response that breaks off, stalls or ends short is followed by another
 * from the next byte (RFC 9110 section 14.2); one that begins too early, as a 200 to a Range request, is cut.
 */
export async function* readResuming(first: BlobPart, options: ResumingOptions): AsyncGenerator<Buffer, void, void> {
  const { asking, range, signal } = options;
  const attempts = createAttempts(options);
  let size = first.size;
  let part: BlobPart | undefined = first;
  let position = range.from;
  for (;;) {
    try {
      part ??= await options.reopen(position, size, signal);
      if (!part) throw new UpstreamError("not-found", "the blob is gone while it is read", upstreamOf(asking, 404));
      size ??= part.size;
      const end = Math.min(range.to ?? Infinity, (size ?? Infinity) - 1);
      for await (const chunk of readPart(part, position, end, options)) {
        position += chunk.length;
        attempts.progressed(chunk.length);
        yield chunk;
      }
      // Without a stated length the end of the body is the end of the blob: its digest decides.
      if (position > end || size === undefined) return;
      throw new UpstreamError("bad-response", `${part.answer.url.host} ended the blob short`, upstreamOf(asking));
    } catch (error) {
      signal.throwIfAborted();
      await attempts.failed(error);
    } finally {
      if (part) abandon(part.answer);
    }
    part = undefined;
  }
}

/** The bytes of one response that lie between `position` and `end`. */
async function* readPart(
  part: BlobPart,
  position: number,
  end: number,
  { asking, signal }: ResumingOptions,
): AsyncGenerator<Buffer> {
  let at = part.start;
  const ownEnd = part.start + (contentLengthOf(part.answer.headers) ?? Number.NaN);
  const body = part.answer.body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  // A body that ends where we stop is read to its very end, so that its connection can be used again.
  while (at <= end || at === ownEnd) {
    const { value: chunk, done } = await body.next().catch((error: unknown) => {
      throw bodyError(error, asking.upstream, part.answer.url.host);
    });
    if (done === true) return;
    asking.observer.bytes(chunk.length);
    await asking.bandwidth.take(chunk.length, signal);
    const wanted = chunk.subarray(Math.max(0, position - at), Math.max(0, Math.min(chunk.length, end + 1 - at)));
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
  }
}

/** Counts the failures without progress in between, and waits between them with full jitter. */
function createAttempts({ asking, signal }: ResumingOptions) {
  let failures = 0;
  let progress = 0;
  return {
    progressed(bytes: number): void {
      progress += bytes;
    },
    /** Returns when the next attempt may begin. @throws the error where there is none */
    async failed(error: unknown): Promise<void> {
      if (progress >= progressBytes) failures = 0;
      progress = 0;
      failures += 1;
      if (!(error instanceof UpstreamError) || !canBeResumed(error) || failures >= asking.limits.attempts) throw error;
      await asking.delay(Math.max(backoffMs(failures), (error.retryAfter ?? 0) * 1000), signal);
      asking.observer.resume();
    },
  };
}

function canBeResumed(error: UpstreamError): boolean {
  if (["unauthorized", "denied", "not-found"].includes(error.kind) || error.status === 416) return false;
  return (error.retryAfter ?? 0) <= maxRetryAfterSeconds;
}

function upstreamOf(asking: Asking, status?: number) {
  return { upstream: asking.upstream, status };
}
