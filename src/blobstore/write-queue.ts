import { StoreError, toStoreError } from "./errors.ts";

/** What a queue writes to; a FileHandle is one. */
export interface WritableFile {
  writev(buffers: Buffer[], position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
}

/** `append` lets its caller go on below this many queued bytes. */
const roomBelowBytes = 1024 * 1024;

/** IOV_MAX of Linux; one system call takes no more buffers. */
const maxBuffersPerWrite = 1024;

/** Written bytes after which a sync is begun, so that the one at commit is short. */
const syncEveryBytes = 64 * 1024 * 1024;

interface Waiter {
  resolve: () => void;
  reject: (error: StoreError) => void;
}

/**
 * Writes chunks one behind the other. What arrives while a write is running goes out with the next one, in one system
 * call. The first failure is final: it is what every waiting and every later call gets.
 */
export class WriteQueue {
  readonly #file: WritableFile;
  readonly #onWritten: (written: number) => void;
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  #written = 0;
  #syncedAt = 0;
  #running: Promise<void> | undefined;
  #sync: Promise<void> | undefined;
  #failure: StoreError | undefined;
  #waitingForRoom: Waiter[] = [];
  #waitingForEmpty: Waiter[] = [];

  constructor(file: WritableFile, onWritten: (written: number) => void) {
    this.#file = file;
    this.#onWritten = onWritten;
  }

  get written(): number {
    return this.#written;
  }

  get failure(): StoreError | undefined {
    return this.#failure;
  }

  /** Takes the chunk over: nobody may change its bytes any more. Resolves when there is room for another. */
  append(chunk: Buffer): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#queuedBytes += chunk.length;
      this.#running ??= this.#run();
    }
    return this.#queuedBytes < roomBelowBytes ? Promise.resolve() : this.#wait(this.#waitingForRoom);
  }

  /** Resolves when nothing is queued and no write is running. */
  flush(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return this.#running ? this.#wait(this.#waitingForEmpty) : Promise.resolve();
  }

  /** Drops what is queued; every waiting and later call rejects with `failure`, or with an earlier one. */
  fail(failure: StoreError): void {
    this.#failure ??= failure;
    this.#chunks = [];
    this.#queuedBytes = 0;
    const waiters = [...this.#waitingForRoom, ...this.#waitingForEmpty];
    this.#waitingForRoom = [];
    this.#waitingForEmpty = [];
    for (const waiter of waiters) waiter.reject(this.#failure);
  }

  /** Resolves when nothing is queued and no system call is running, a sync included; never rejects, see `failure`. */
  async settled(): Promise<void> {
    while (this.#running ?? this.#sync) {
      await this.#running;
      await this.#sync;
    }
  }

  #wait(waiters: Waiter[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiters.push({ resolve, reject });
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#chunks.length > 0) {
        await this.#writeAll(this.#chunks.splice(0, maxBuffersPerWrite));
        await this.#beginSyncIfDue();
      }
    } catch (error) {
      this.fail(toStoreError(error, "writing"));
    }
    this.#running = undefined;
    if (this.#failure) return;
    for (const waiter of this.#waitingForEmpty.splice(0)) waiter.resolve();
  }

  async #writeAll(batch: Buffer[]): Promise<void> {
    let left = batch;
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left, this.#written);
      if (bytesWritten === 0) throw new StoreError("io", "a write took no bytes", undefined);
      left = withoutFirst(left, bytesWritten);
      this.#written += bytesWritten;
      if (this.#failure) return;
      this.#queuedBytes -= bytesWritten;
      this.#letGoOn();
      this.#onWritten(this.#written);
    }
  }

  #letGoOn(): void {
    if (this.#queuedBytes >= roomBelowBytes) return;
    for (const waiter of this.#waitingForRoom.splice(0)) waiter.resolve();
  }

  /** Writing goes on beside one sync; if the disk is slower than that, writing waits for it. */
  async #beginSyncIfDue(): Promise<void> {
    if (this.#written - this.#syncedAt < syncEveryBytes) return;
    await this.#sync;
    if (this.#failure) return;
    this.#syncedAt = this.#written;
    this.#sync = this.#file
      .datasync()
      .catch((error: unknown) => this.fail(toStoreError(error, "syncing")))
      .finally(() => (this.#sync = undefined));
  }
}

/** What is left of `buffers` behind their first `count` bytes. */
function withoutFirst(buffers: Buffer[], count: number): Buffer[] {
  let skipped = 0;
  for (const [index, buffer] of buffers.entries()) {
    if (skipped + buffer.length > count) return [buffer.subarray(count - skipped), ...buffers.slice(index + 1)];
    skipped += buffer.length;
  }
  return [];
}
