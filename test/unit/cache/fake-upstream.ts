import type { Digest, RepositoryName } from "../../../src/oci/index.ts";
import {
  unlimitedQuota,
  type BlobBody,
  type BlobProof,
  type BlobRange,
  type Quota,
  type RequestOptions,
  type Upstream,
} from "../../../src/upstream/index.ts";

/** A body that the test writes while it is read. Ends with the signal of its request. */
export class Feed implements AsyncIterable<Buffer> {
  readonly signal: AbortSignal;
  /** Whether the reader went away before the end. */
  isClosed = false;
  readonly #items: (Buffer | Error | "end")[] = [];
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  push(...items: (Buffer | Error | "end")[]): void {
    this.#items.push(...items);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    let isOver = false;
    try {
      while (!isOver) {
        this.signal.throwIfAborted();
        const item = this.#items.shift();
        if (item === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if (item === "end") isOver = true;
        else if (item instanceof Error) throw item;
        else yield item;
      }
    } finally {
      this.isClosed = !isOver;
    }
  }
}

/** One `openBlob` that waits for the test to answer it. */
export interface OpenCall {
  repository: RepositoryName;
  digest: Digest;
  range: BlobRange;
  signal: AbortSignal;
  /** The response header comes; the body is written with the feed. */
  answer(size: number | undefined): Feed;
  /** Nothing there. */
  absent(): void;
  fail(error: Error): void;
}

/** An upstream in memory whose every answer is given by the test. Only blobs. */
export class FakeUpstream implements Upstream {
  readonly name = "registry.test";
  readonly calls: OpenCall[] = [];
  /** What `proveBlob` says of a repository. */
  holds = new Set<RepositoryName>();
  #waiting: { count: number; resolve: (call: OpenCall) => void }[] = [];

  /** The `count`-th call of `openBlob`, counted from 1, once it has come. */
  called(count: number): Promise<OpenCall> {
    const call = this.calls[count - 1];
    return call ? Promise.resolve(call) : new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  openBlob(
    repository: RepositoryName,
    digest: Digest,
    range: BlobRange,
    { signal }: RequestOptions,
  ): Promise<BlobBody | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<BlobBody | undefined>();
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    const answer = (size: number | undefined): Feed => {
      const feed = new Feed(signal);
      resolve({ size, chunks: feed });
      return feed;
    };
    const call = { repository, digest, range, signal, answer, absent: () => resolve(undefined), fail: reject };
    this.calls.push(call);
    for (const waiting of this.#waiting) if (waiting.count === this.calls.length) waiting.resolve(call);
    return promise;
  }

  proveBlob(repository: RepositoryName): Promise<BlobProof> {
    return Promise.resolve(this.holds.has(repository) ? { present: true, size: undefined } : { present: false });
  }

  headManifest = refuse;
  getManifest = refuse;
  listTags = refuse;
  listReferrers = refuse;

  quota = (): Quota => unlimitedQuota;
  isFailing = (): boolean => false;

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new Error("this upstream has blobs only"));
}
