import type { Hash } from "node:crypto";
import type { Digest } from "../../oci/index.ts";
import { BodyBroken } from "../broken.ts";
import type { BlobReader } from "../blobs/reader.ts";
import type { Clock } from "../clock.ts";
import { hashIs } from "./uncached-stream.ts";

/** Bytes that readers may be apart from each other. */
const windowBytes = 8 * 1024 * 1024;
/** How long the others wait, all in all, for one that is so far behind. */
const patienceMs = 1000;

export interface RelayOptions {
  digest: Digest;
  /** The upstream's bytes from `start` on; called once, when the first reader asks. */
  open: () => Promise<AsyncIterable<Buffer>>;
  start: number;
  /** The hash of everything before `start`. */
  hash: Hash;
  clock: Clock;
  /** The bytes turned out not to have the digest. */
  onWrong: () => void;
}

interface Piece {
  start: number;
  bytes: Buffer;
  /** The hash of everything before it, for a reader that must go on from here by itself. */
  hash: Hash;
}

/** Where a reader that fell behind goes on by itself: the hash is that of everything before `position`. */
export interface FellBehind {
  position: number;
  hash: Hash;
}

/**
 * One upstream body for any number of readers where nothing can be stored: a window of a few MiB in memory. The fastest
 * reader sets the pace, the others are waited for a while; who falls out of the window goes on by a request of its own.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #hash: Hash;
  readonly #readers = new Set<RelayReader>();
  readonly #pieces: Piece[] = [];
  #end: number;
  #iterator: AsyncIterator<Buffer> | undefined;
  #isPumping = false;
  #state: "open" | "verified" | "closed" = "open";
  #failure: BodyBroken | undefined;
  #wake = Promise.withResolvers<undefined>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#hash = options.hash;
    this.#end = options.start;
  }

  /** Whether a reader at `position` finds what it needs here. */
  reaches(position: number): boolean {
    const from = this.#pieces[0]?.start ?? this.#end;
    return this.#state !== "closed" && !this.#failure && position >= from && position <= this.#end;
  }

  /** A reader at `position`; undefined where the window has left it behind, or nothing comes any more. */
  attach(position: number, end: number, isWhole: boolean): RelayReader | undefined {
    if (!this.reaches(position)) return undefined;
    const reader = new RelayReader(this, position, end, isWhole);
    this.#readers.add(reader);
    return reader;
  }

  detach(reader: RelayReader): void {
    this.#readers.delete(reader);
    this.#announce();
  }

  /** Ends the upstream's body; readers that are left end short. */
  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closed";
    this.#announce();
    await this.#iterator?.return?.();
  }

  /** Where what has come so far ends. */
  get received(): number {
    return this.#end;
  }

  /** Length of the blob, known once its digest is known to be right. */
  get verifiedLength(): number | undefined {
    return this.#state === "verified" ? this.#end : undefined;
  }

  /** Bytes that may be handed out: all but the last until the digest is known to be right (promise P1). */
  available(end: number, isWhole: boolean): number {
    return isWhole && this.verifiedLength === undefined ? Math.min(this.#end, end - 1) : Math.min(this.#end, end);
  }

  /** Copies what is there; 0 where there is nothing at `position`. */
  copy(buffer: Buffer, position: number, length: number): number {
    const piece = this.#pieces.find(({ start, bytes }) => position >= start && position < start + bytes.length);
    return piece ? piece.bytes.copy(buffer, 0, position - piece.start, position - piece.start + length) : 0;
  }

  /** Resolves when there is more to read or to know. @throws BodyBroken */
  async more(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#state === "closed") throw new BodyBroken("closed", "the relay is closed");
    const changed = this.#wake.promise;
    if (!this.#isPumping) void this.#pump();
    await changed;
  }

  /** Brings one more piece, or the verdict. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    try {
      await this.#makeRoom();
      if (this.#state === "open") await this.#pull();
    } catch (error) {
      this.#failure =
        error instanceof BodyBroken ? error : new BodyBroken("transport", "the upstream broke off", error);
    }
    this.#isPumping = false;
    this.#announce();
  }

  async #pull(): Promise<void> {
    this.#iterator ??= (await this.#options.open())[Symbol.asyncIterator]();
    const next = await this.#iterator.next();
    if (next.done) this.#finish();
    else this.#push(next.value);
  }

  #push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pieces.push({ start: this.#end, bytes, hash: this.#hash.copy() });
    this.#hash.update(bytes);
    this.#end += bytes.length;
  }

  #finish(): void {
    if (hashIs(this.#hash, this.#options.digest)) this.#state = "verified";
    else {
      this.#options.onWrong();
      throw new BodyBroken("digest-mismatch", "the upstream's bytes do not have the digest asked for");
    }
  }

  /** Drops the oldest pieces beyond the window; a reader that needs one is waited for, and then left behind. */
  async #makeRoom(): Promise<void> {
    for (let [oldest] = this.#pieces; oldest && this.#end - oldest.start >= windowBytes; [oldest] = this.#pieces) {
      const piece = oldest;
      const behind = (): RelayReader[] =>
        [...this.#readers].filter(({ position }) => position < piece.start + piece.bytes.length);
      await this.#waitFor(behind);
      for (const reader of behind()) {
        const hash = piece.hash.copy().update(piece.bytes.subarray(0, reader.position - piece.start));
        reader.leaveBehind({ position: reader.position, hash });
        this.#readers.delete(reader);
      }
      this.#pieces.shift();
    }
  }

  /** As long as those behind have not used up what they may be waited for. */
  async #waitFor(behind: () => RelayReader[]): Promise<void> {
    const { clock } = this.#options;
    const late = behind();
    const patience = { leftMs: Math.max(0, ...late.map(({ patienceLeftMs }) => patienceLeftMs)) };
    if (patience.leftMs === 0) return;
    const beganAt = clock.now();
    const cancel = clock.setTimer(patience.leftMs, () => {
      patience.leftMs = 0;
      this.#announce();
    });
    while (patience.leftMs > 0 && this.#state === "open" && behind().length > 0) await this.#wake.promise;
    cancel();
    for (const reader of late) reader.patienceLeftMs = Math.max(0, reader.patienceLeftMs - (clock.now() - beganAt));
  }

  /** Wakes all that wait. */
  #announce(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers<undefined>();
    resolve(undefined);
  }

  /** A reader has moved on. */
  moved(): void {
    if (this.#pieces.length > 0 && this.#end - (this.#pieces[0]?.start ?? 0) >= windowBytes) this.#announce();
  }
}

/** One client's place in a relay. */
export class RelayReader implements BlobReader {
  readonly #relay: Relay;
  readonly #end: number;
  readonly #isWhole: boolean;
  /** How long the others will still wait for this one. */
  patienceLeftMs = patienceMs;
  #position: number;
  #behind: FellBehind | undefined;

  constructor(relay: Relay, position: number, end: number, isWhole: boolean) {
    this.#relay = relay;
    this.#position = position;
    this.#end = end;
    this.#isWhole = isWhole;
  }

  get position(): number {
    return this.#position;
  }

  /** Set when the others could not wait any longer: the reader goes on from there by itself. */
  get fellBehind(): FellBehind | undefined {
    return this.#behind;
  }

  leaveBehind(from: FellBehind): void {
    this.#behind = from;
  }

  /** 0 at the end, and where the reader fell behind. */
  async read(buffer: Buffer, position: number, wanted: number): Promise<number> {
    for (;;) {
      if (this.#behind) return 0;
      const length = this.#relay.verifiedLength;
      const isTooLong = this.#relay.received > this.#end;
      if (this.#isWhole && (isTooLong || (length !== undefined && length !== this.#end))) {
        throw new BodyBroken("length-mismatch", "the blob does not have the length that was announced");
      }
      const available = this.#relay.available(this.#end, this.#isWhole);
      if (position < available) {
        const count = this.#relay.copy(buffer, position, Math.min(wanted, available - position));
        this.#position = position + count;
        this.#relay.moved();
        return count;
      }
      if (position >= this.#end && (length !== undefined || !this.#isWhole)) return 0;
      if (length !== undefined) throw new BodyBroken("length-mismatch", "the blob is shorter than was asked for");
      await this.#relay.more();
    }
  }

  close(): Promise<void> {
    this.#relay.detach(this);
    return Promise.resolve();
  }
}
