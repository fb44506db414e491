import type { Digest, RepositoryName } from "../oci/index.ts";
import { abandon } from "./answer.ts";
import { openBlobPart } from "./blob-request.ts";
import type { Asking } from "./question.ts";
import { readResuming, type BlobPart, type ResumingOptions } from "./resuming-body.ts";
import type { BlobBody, BlobRange, RequestOptions } from "./upstream.ts";

interface OpenBlobOptions extends RequestOptions {
  repository: RepositoryName;
  digest: Digest;
  range: BlobRange;
  /** Ends the download when the room closes. */
  closing: AbortSignal;
  /** Whom to ask when it has broken off; undefined for the same as before. */
  next?: (() => Asked | undefined) | undefined;
}

interface Asked {
  asking: Asking;
  repository: RepositoryName;
}

/** Opens a blob: resolves with the response header, reads on demand, resumes underneath. */
export async function openBlob(asking: Asking, options: OpenBlobOptions): Promise<BlobBody | undefined> {
  const { repository, digest, range } = options;
  const own = linkedController(options.signal, options.closing);
  const partFrom = (from: number, knownSize: number | undefined) => ({
    digest,
    range: { from, to: range.to },
    knownSize,
  });
  // What breaks off later is tried again by the rules of a download.
  const reopen: ResumingOptions["reopen"] = (from, knownSize, signal) => {
    const asked = options.next?.() ?? { asking, repository };
    const part = { ...partFrom(from, knownSize), repository: asked.repository };
    return openBlobPart(asked.asking, part, { signal, isResuming: true, via: options.via });
  };
  try {
    const part = { ...partFrom(range.from, undefined), repository };
    const first = await openBlobPart(asking, part, { ...options, signal: own.signal });
    if (!first) {
      own.unlink();
      return undefined;
    }
    const bytes = readResuming(first, { asking, range, reopen, signal: own.signal });
    return { size: first.size, hops: first.answer.hops?.text, chunks: closable(bytes, first, own) };
  } catch (error) {
    own.unlink();
    throw error;
  }
}

/** Thrown inside when the caller returned early; nobody sees it. */
const leaving = new Error("the caller left");

/** The generator, with a `return` that closes the connection at once, even before the first byte was asked for or while one is awaited. */
function closable(
  bytes: AsyncGenerator<Buffer, void, void>,
  first: BlobPart,
  own: LinkedController,
): AsyncIterable<Buffer> {
  const iterator: AsyncIterator<Buffer, void, void> = {
    async next() {
      try {
        const result = await bytes.next();
        if (result.done === true) own.unlink();
        return result;
      } catch (error) {
        own.unlink();
        if (error === leaving) return { done: true, value: undefined };
        throw error;
      }
    },
    async return() {
      own.abort(leaving);
      own.unlink();
      abandon(first.answer);
      await bytes.return().catch(() => undefined);
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

type LinkedController = ReturnType<typeof linkedController>;

/** A controller that aborts with its parents' reasons, and leaves no listener on them once unlinked: they may live long. */
function linkedController(...parents: AbortSignal[]) {
  const controller = new AbortController();
  const links = parents.map((parent) => {
    const onAbort = (): void => controller.abort(parent.reason);
    if (parent.aborted) onAbort();
    else parent.addEventListener("abort", onAbort, { once: true });
    return () => parent.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    abort: (reason: unknown) => controller.abort(reason),
    unlink: () => links.forEach((unlink) => unlink()),
  };
}
