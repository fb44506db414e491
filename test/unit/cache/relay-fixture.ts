import { createHash } from "node:crypto";
import { Relay, type RelayReader } from "../../../src/cache/flights/relay.ts";
import { seededBytes } from "../../upstream/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { digestOf } from "./hangar.ts";

export const MiB = 1024 * 1024;
export const chunkBytes = 64 * 1024;
export const windowBytes = 8 * MiB;
export const body = seededBytes("relay", 20 * MiB);
export const size = body.length;

export interface RelayFixture {
  relay: Relay;
  clock: ManualClock;
  /** How often a body was asked for, and what has been read of it. */
  asked: { bodies: number; bytes: number; isClosed: boolean };
}

interface Options {
  sent?: Buffer;
  start?: number;
  failAfter?: number;
}

/** A relay over a body that comes as fast as it is read. */
export function openRelay({
  sent = body,
  start = 0,
  failAfter = Number.POSITIVE_INFINITY,
}: Options = {}): RelayFixture {
  const clock = new ManualClock();
  const asked = { bodies: 0, bytes: 0, isClosed: false };
  async function* send(): AsyncGenerator<Buffer> {
    let isOver = false;
    try {
      for (let at = start; at < sent.length; at += chunkBytes) {
        if (at >= failAfter) throw new Error("ECONNRESET");
        const chunk = sent.subarray(at, Math.min(sent.length, at + chunkBytes));
        asked.bytes += chunk.length;
        yield await Promise.resolve(chunk);
      }
      isOver = true;
    } finally {
      asked.isClosed = !isOver;
    }
  }
  const open = (): Promise<AsyncIterable<Buffer>> => {
    asked.bodies += 1;
    return Promise.resolve(send());
  };
  const hash = createHash("sha256").update(body.subarray(0, start));
  return {
    relay: new Relay({ digest: digestOf(body), open, start, hash, clock, onWrong: () => undefined }),
    clock,
    asked,
  };
}

export function attach(relay: Relay, position = 0): RelayReader {
  const reader = relay.attach(position, size, true);
  if (!reader) throw new Error(`the relay does not reach back to ${position}`);
  return reader;
}

/** Reads on until `to`, or until nothing comes. */
export async function readTo(reader: RelayReader, to: number, bufferBytes = MiB): Promise<Buffer> {
  const parts: Buffer[] = [];
  const buffer = Buffer.alloc(bufferBytes);
  while (reader.position < to) {
    const count = await reader.read(buffer, reader.position, Math.min(buffer.length, to - reader.position));
    if (count === 0) break;
    parts.push(Buffer.from(buffer.subarray(0, count)));
  }
  return Buffer.concat(parts);
}

/** All that can go on without the clock has gone on. */
export async function settled(asked: RelayFixture["asked"]): Promise<void> {
  let before: number;
  do {
    before = asked.bytes;
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  } while (asked.bytes !== before);
}
