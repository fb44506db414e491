import type { Readable, Writable } from "node:stream";

/** What one way of a connection does to its bytes. */
export interface LaneSettings {
  /** How long each byte is under way. */
  delayMs: number;
  bytesPerSecond: number;
  /** Before the first byte may leave: the handshake. */
  openAt: number;
}

/** More than the line itself holds: what a router may queue. */
const queuedBytes = 256 * 1024;

interface Parcel {
  /** Undefined: the end. */
  bytes: Buffer | undefined;
  arrivesAt: number;
}

/** Hands the bytes of `from` to `to` later, and no faster than the line is. */
export class Lane {
  readonly #from: Readable;
  readonly #to: Writable;
  readonly #settings: LaneSettings;
  readonly #parcels: Parcel[] = [];
  readonly #maxBytes: number;
  #bytes = 0;
  #freeAt: number;
  #isBlocked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Readable, to: Writable, settings: LaneSettings) {
    this.#from = from;
    this.#to = to;
    this.#settings = settings;
    this.#freeAt = settings.openAt;
    this.#maxBytes = queuedBytes + (settings.bytesPerSecond * 2 * settings.delayMs) / 1000;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => this.#queue(undefined));
    to.on("close", () => clearTimeout(this.#timer));
    to.on("drain", () => this.#unblock());
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes >= this.#maxBytes) this.#from.pause();
    this.#queue(chunk);
  }

  #queue(bytes: Buffer | undefined): void {
    const { bytesPerSecond, delayMs } = this.#settings;
    this.#freeAt = Math.max(performance.now(), this.#freeAt) + ((bytes?.length ?? 0) / bytesPerSecond) * 1000;
    this.#parcels.push({ bytes, arrivesAt: this.#freeAt + delayMs });
    if (this.#parcels.length === 1) this.#wait();
  }

  #wait(): void {
    const [next] = this.#parcels;
    if (!next || this.#isBlocked) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#deliver(), Math.max(0, next.arrivesAt - performance.now()));
  }

  #deliver(): void {
    while (!this.#isBlocked && (this.#parcels[0]?.arrivesAt ?? Infinity) <= performance.now()) {
      const bytes = this.#parcels.shift()?.bytes;
      if (!bytes) {
        this.#to.end();
        return;
      }
      this.#isBlocked = !this.#to.write(bytes);
      this.#bytes -= bytes.length;
      if (this.#bytes < this.#maxBytes) this.#from.resume();
    }
    this.#wait();
  }

  #unblock(): void {
    this.#isBlocked = false;
    this.#wait();
  }
}
