import { StoreError, toStoreError } from "./errors.ts";
import { Turns } from "./turns.ts";

/**
 * Reads of all files under way at once: as many as the thread pool of libuv has threads by default. Were there more, they
 * would end in one turn of the event loop and keep everybody else waiting, and the pool would do nothing else.
 */
const reads = new Turns(4);

/** What is read from; a FileHandle is one. */
export interface ReadableFile {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

/**
 * An open file with several readers. `close` waits for reads that are running: a descriptor closed under a read may by
 * then belong to another file.
 */
export class SharedFile {
  readonly #handle: ReadableFile;
  #running = 0;
  #close: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  constructor(handle: ReadableFile) {
    this.#handle = handle;
  }

  /** Reads at most `length` bytes at `position` into the start of `buffer`; resolves to how many there were. */
  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    if (this.#close) throw new StoreError("closed", "the file is closed", undefined);
    const wanted = Math.min(length, buffer.length);
    if (wanted <= 0) return 0;
    this.#running += 1;
    await reads.take();
    try {
      const { bytesRead } = await this.#handle.read(buffer, 0, wanted, position);
      return bytesRead;
    } catch (error) {
      throw toStoreError(error, "reading");
    } finally {
      reads.give();
      this.#running -= 1;
      if (this.#running === 0) this.#onIdle?.();
    }
  }

  close(): Promise<void> {
    this.#close ??= this.#closeWhenIdle();
    return this.#close;
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#handle.close();
  }
}
