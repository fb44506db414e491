import { createCipheriv, createHash } from "node:crypto";

import { createDigestHash, digestOfHash, type Digest, type DigestAlgorithm } from "../../src/oci/index.ts";

/** Bytes that can be read from any offset; they need not be in memory. */
export interface Payload {
  readonly size: number;
  /** The bytes from `from` up to, not including, `end`, in pieces of at most 64 KiB. */
  pieces(from: number, end: number): Iterable<Buffer>;
}

const pieceBytes = 64 * 1024;
const cipherBlockBytes = 16;
const seededDigests = new Map<string, Digest>();

class BufferPayload implements Payload {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get size(): number {
    return this.#bytes.length;
  }

  *pieces(from: number, end: number): Iterable<Buffer> {
    for (let at = from; at < end; at += pieceBytes) {
      yield this.#bytes.subarray(at, Math.min(at + pieceBytes, end));
    }
  }
}

/** AES in counter mode over zeros: no two blocks are alike, so a piece from a wrong offset never goes unnoticed. */
class SeededPayload implements Payload {
  readonly size: number;
  readonly seed: string;
  readonly #key: Buffer;

  constructor(seed: string, size: number) {
    this.seed = seed;
    this.size = size;
    this.#key = createHash("sha256").update(seed).digest().subarray(0, 16);
  }

  *pieces(from: number, end: number): Iterable<Buffer> {
    const counter = Buffer.alloc(cipherBlockBytes);
    counter.writeBigUInt64BE(BigInt(Math.floor(from / cipherBlockBytes)), 8);
    const cipher = createCipheriv("aes-128-ctr", this.#key, counter);
    cipher.update(Buffer.alloc(from % cipherBlockBytes));
    const zeros = Buffer.alloc(pieceBytes);
    for (let at = from; at < end; at += pieceBytes) {
      yield cipher.update(zeros.subarray(0, Math.min(pieceBytes, end - at)));
    }
  }
}

/** A blob of `size` pseudo-random bytes that are made as they are read: the same for the same seed. */
export function seededBlob(seed: string | number, size: number): Payload {
  return new SeededPayload(String(seed), size);
}

/** The bytes of `seededBlob(seed, size)` in memory. */
export function seededBytes(seed: string | number, size: number): Buffer {
  return readPayload(seededBlob(seed, size));
}

export function toPayload(content: string | Uint8Array | Payload): Payload {
  if (typeof content === "string") return new BufferPayload(Buffer.from(content));
  return content instanceof Uint8Array ? new BufferPayload(content) : content;
}

export function readPayload(payload: Payload): Buffer {
  return Buffer.concat([...payload.pieces(0, payload.size)]);
}

/** The digest of all bytes, streamed; remembered for seeded payloads, a gigabyte is worth hashing only once. */
export function digestOfPayload(payload: Payload, algorithm: DigestAlgorithm = "sha256"): Digest {
  const key = payload instanceof SeededPayload ? `${algorithm} ${payload.size} ${payload.seed}` : undefined;
  const known = key === undefined ? undefined : seededDigests.get(key);
  if (known) return known;
  const hash = createDigestHash(algorithm);
  for (const piece of payload.pieces(0, payload.size)) hash.update(piece);
  const digest = digestOfHash(algorithm, hash);
  if (key !== undefined) seededDigests.set(key, digest);
  return digest;
}

/** The part of `whole` from `from` up to, not including, `end`. */
export function slicePayload(whole: Payload, from: number, end: number): Payload {
  return { size: end - from, pieces: (start, stop) => whole.pieces(from + start, from + stop) };
}

/** `whole` with the byte at `at` inverted. */
export function spoilPayload(whole: Payload, at: number): Payload {
  return {
    size: whole.size,
    *pieces(from, end) {
      let offset = from;
      for (const piece of whole.pieces(from, end)) {
        yield at >= offset && at < offset + piece.length ? invertedAt(piece, at - offset) : piece;
        offset += piece.length;
      }
    },
  };
}

function invertedAt(piece: Buffer, index: number): Buffer {
  const copy = Buffer.from(piece);
  copy.writeUInt8(copy.readUInt8(index) ^ 0xff, index);
  return copy;
}
