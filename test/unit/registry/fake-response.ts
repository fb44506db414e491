import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { BlobReader } from "../../../src/cache/index.ts";

/** One write that has not been taken yet: its bytes are the sender's own memory. */
export interface PendingWrite {
  bytes: Buffer;
  /** The kernel has taken the bytes, or the socket failed. */
  done: (error?: Error) => void;
}

/** What `sendBody` uses of a response: writes go to `onWrite`, which says when they are done. */
export class FakeResponse extends EventEmitter {
  destroyed = false;
  readonly #onWrite: (write: PendingWrite) => void;
  #timer: NodeJS.Timeout | undefined;
  #timeoutMs = 0;

  constructor(onWrite: (write: PendingWrite) => void) {
    super();
    this.#onWrite = onWrite;
  }

  /** As a socket does it, this sets the timer back. */
  write(bytes: Buffer, done: (error?: Error) => void): boolean {
    this.progress();
    this.#onWrite({ bytes, done });
    return false;
  }

  /** As a socket does it: 0 turns it off. */
  setTimeout(ms: number): this {
    this.#timeoutMs = ms;
    this.progress();
    return this;
  }

  /** The kernel has taken a part of what is written: the timer begins again. */
  progress(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs > 0) this.#timer = setTimeout(() => this.emit("timeout"), this.#timeoutMs);
  }

  /** The client has gone. */
  leave(): void {
    this.destroyed = true;
    this.emit("close");
  }

  asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

/** A client that takes every write after `ms(bytes)`, by the timers of the test. */
export function takingIn(ms: (byteCount: number) => number): { response: FakeResponse; taken: Buffer[] } {
  const taken: Buffer[] = [];
  const response = new FakeResponse(({ bytes, done }) => {
    const take = (): void => {
      taken.push(Buffer.from(bytes));
      done();
    };
    const wait = ms(bytes.length);
    if (wait === 0) queueMicrotask(take);
    else setTimeout(take, wait);
    // Bytes leave one after the other, not all at the end of the wait.
    const every = wait / Math.ceil(bytes.length / (16 * 1024));
    for (let at = every; at < wait; at += every) setTimeout(() => response.progress(), at);
  });
  return { response, taken };
}

/** A reader of `bytes` that notes what it was asked for. */
export function readerOf(bytes: Buffer): BlobReader & { asked: number[]; buffers: Buffer[] } {
  const asked: number[] = [];
  const buffers: Buffer[] = [];
  return {
    asked,
    buffers,
    read(buffer, position, length) {
      asked.push(length);
      buffers.push(buffer);
      return Promise.resolve(bytes.copy(buffer, 0, position, position + length));
    },
    close: () => Promise.resolve(),
  };
}
