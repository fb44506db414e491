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
  let buffer = pool.take();
  let bytesUntilLarge = 0;
  try {
    for (let position = span.start; position < span.end;) {
      const count = await reader.read(buffer, position, Math.min(buffer.length, span.end - position));
      if (count === 0) throw new BodyBroken("length-mismatch", "the body ended before its announced length");
      const drainMs = await writeOut(response, buffer.subarray(0, count), limits.idleTimeoutMs);
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
  }
  pool.give(buffer);
}

/** Resolves, to the milliseconds it took, when the bytes have left for the kernel: only then may the buffer be used again. */
function writeOut(response: ServerResponse, bytes: Buffer, idleTimeoutMs: number): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const finish = (end: () => void): void => {
      response.setTimeout(0);
      response.off("timeout", stalled);
      response.off("close", gone);
      end();
    };
    const gone = (): void => finish(() => reject(new BodyBroken("closed", "the client has left")));
    const stalled = (): void => finish(() => reject(new BodyBroken("closed", "the client takes no bytes")));
    if (response.destroyed) {
      gone();
      return;
    }
    // The socket's own timer: it knows whether the kernel has taken a part of the buffer meanwhile.
    response.setTimeout(idleTimeoutMs);
    response.once("timeout", stalled);
    response.once("close", gone);
    response.write(bytes, (error) =>
      finish(() => (error ? reject(closedBy(error)) : resolve(performance.now() - startedAt))),
    );
  });
}

function closedBy(error: Error): BodyBroken {
  return new BodyBroken("closed", "the client has left", error);
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
