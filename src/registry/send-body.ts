import type { ServerResponse } from "node:http";
import { BodyBroken, type BlobReader } from "../cache/index.ts";
import { BufferPool } from "./buffer-pool.ts";

/** A client whose write drains slower than this gets a small buffer … */
const slowDrainMs = 50;
/** … until it has taken this much in writes quicker than `quickDrainMs`: more than the kernel takes in its stead. */
const quickBytes = 8 * 1024 * 1024;
const quickDrainMs = 5;
const pool = new BufferPool();

export interface ReaderLimits {
  /** A reader that takes nothing for this long is dropped. */
  idleTimeoutMs: number;
  /** A reader slower than this for five minutes, while there are bytes for it, is dropped. */
  minRateBytesPerSecond: number;
}

const minRateOverMs = 5 * 60 * 1000;

/**
 * Copies `start` to `end` of a reader into a response whose header is written. Memory per response is one buffer: 32 KiB, or
 * 512 KiB for a bounded number of clients that drain at once.
 * @throws BodyBroken where the reader ends early or the client stalls.
 */
export async function sendBody(
  response: ServerResponse,
  reader: BlobReader,
  span: { start: number; end: number },
  limits: ReaderLimits,
  onBytes: (count: number) => void,
): Promise<void> {
  const pace = new Pace(limits);
  const client = new Client(response, limits.idleTimeoutMs);
  let buffer = pool.take();
  let bytesUntilLarge = 0;
  try {
    for (let position = span.start; position < span.end;) {
      const count = await reader.read(buffer, position, Math.min(buffer.length, span.end - position));
      if (count === 0) throw new BodyBroken("length-mismatch", "the body ended before its announced length");
      const drainMs = await client.take(buffer.subarray(0, count));
      pace.drained(count, drainMs);
      onBytes(count);
      position += count;
      if (drainMs > slowDrainMs) {
        bytesUntilLarge = quickBytes;
        buffer = pool.shrink(buffer);
      } else if (drainMs < quickDrainMs) {
        bytesUntilLarge -= count;
        if (bytesUntilLarge <= 0 && count === buffer.length) buffer = pool.grow(buffer);
      }
    }
  } catch (error) {
    pool.forget(buffer);
    throw error;
  } finally {
    client.letGo();
  }
  pool.give(buffer);
}

/** Who takes the bytes of a body, one write after the other. Its listeners stay for all of them: a slow client's writes live long. */
class Client {
  readonly #response: ServerResponse;
  #write: { startedAt: number; resolve: (ms: number) => void; reject: (error: BodyBroken) => void } | undefined;

  constructor(response: ServerResponse, idleTimeoutMs: number) {
    this.#response = response;
    response.on("timeout", this.#stalled).on("close", this.#gone);
    // The socket's own timer: each write sets it back, and it knows whether the kernel has taken a part of one meanwhile.
    response.setTimeout(idleTimeoutMs);
  }

  /** Resolves, to the milliseconds it took, when the bytes have left for the kernel: only then may the buffer be used again. */
  take(bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#write = { startedAt: performance.now(), resolve, reject };
      if (this.#response.destroyed) this.#gone();
      else this.#response.write(bytes, this.#taken);
    });
  }

  letGo(): void {
    this.#response.setTimeout(0).off("timeout", this.#stalled).off("close", this.#gone);
  }

  readonly #taken = (error?: Error | null): void => {
    if (error) this.#break("the client has left", error);
    else this.#write?.resolve(performance.now() - this.#write.startedAt);
    this.#write = undefined;
  };

  readonly #gone = (): void => this.#break("the client has left");

  /** A client that is given nothing stalls nothing. */
  readonly #stalled = (): void => this.#break("the client takes no bytes");

  #break(words: string, cause?: Error): void {
    this.#write?.reject(new BodyBroken("closed", words, cause));
    this.#write = undefined;
  }
}

class Pace {
  readonly #limits: ReaderLimits;
  #bytes = 0;
  #waitedMs = 0;

  constructor(limits: ReaderLimits) {
    this.#limits = limits;
  }

  drained(bytes: number, ms: number): void {
    this.#bytes += bytes;
    this.#waitedMs += ms;
    if (this.#waitedMs < minRateOverMs) return;
    if (this.#bytes / (this.#waitedMs / 1000) < this.#limits.minRateBytesPerSecond) {
      throw new BodyBroken("closed", "the client is slower than serve.minRate");
    }
    this.#bytes = 0;
    this.#waitedMs = 0;
  }
}
