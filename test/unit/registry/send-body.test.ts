import { describe, expect, test } from "vitest";
import { BodyBroken, type BlobReader } from "../../../src/cache/index.ts";
import { sendBody } from "../../../src/registry/send-body.ts";
import { seededBytes } from "../../upstream/index.ts";
import { FakeResponse, readerOf, takingIn, type PendingWrite } from "./fake-response.ts";

const limits = { idleTimeoutMs: 120_000, minRateBytesPerSecond: 1024 };
const nobody = (): void => undefined;

function send(response: FakeResponse, reader: BlobReader, end: number, start = 0): Promise<void> {
  return sendBody(response.asResponse(), reader, { start, end }, limits, nobody);
}

/** A client that takes nothing until the test says so. */
function holding(): { response: FakeResponse; held: PendingWrite[]; next: () => Promise<PendingWrite> } {
  const held: PendingWrite[] = [];
  let seen = 0;
  let arrived = Promise.withResolvers<PendingWrite>();
  const response = new FakeResponse((write) => {
    held.push(write);
    arrived.resolve(write);
  });
  const next = async (): Promise<PendingWrite> => {
    const write = held[seen] ?? (await arrived.promise);
    seen += 1;
    arrived = Promise.withResolvers();
    return write;
  };
  return { response, held, next };
}

async function brokenBy(promise: Promise<void>): Promise<BodyBroken> {
  const error: unknown = await promise.then(nobody, (reason: unknown) => reason);
  if (error instanceof BodyBroken) return error;
  throw new Error(`the body was not broken off: ${String(error)}`);
}

describe("a body", () => {
  test("goes out whole and in order, and every byte is counted once", async () => {
    const bytes = seededBytes("whole", 3_000_001);
    const { response, taken } = takingIn(() => 0);
    let counted = 0;
    await sendBody(response.asResponse(), readerOf(bytes), { start: 0, end: bytes.length }, limits, (count) => {
      counted += count;
    });
    expect(Buffer.concat(taken).equals(bytes)).toBe(true);
    expect(counted).toBe(bytes.length);
  });

  test("goes out in part, no byte outside the span", async () => {
    const bytes = seededBytes("part", 300_000);
    const { response, taken } = takingIn(() => 0);
    await send(response, readerOf(bytes), 200_001, 99_999);
    expect(Buffer.concat(taken).equals(bytes.subarray(99_999, 200_001))).toBe(true);
  });

  test("of no bytes is no write", async () => {
    const { response, held } = holding();
    await send(response, readerOf(Buffer.alloc(0)), 0);
    expect(held).toEqual([]);
  });

  test("is broken off where the reader ends early, after the bytes there were", async () => {
    const { response, taken } = takingIn(() => 0);
    const broken = await brokenBy(send(response, readerOf(Buffer.alloc(1000, 7)), 1001));
    expect(broken.kind).toBe("length-mismatch");
    expect(Buffer.concat(taken)).toHaveLength(1000);
  });

  test("is broken off by what breaks the reader", async () => {
    const { response } = takingIn(() => 0);
    const reason = new BodyBroken("digest-mismatch", "wrong");
    const reader: BlobReader = { read: () => Promise.reject(reason), close: () => Promise.resolve() };
    expect(await brokenBy(send(response, reader, 10))).toBe(reason);
  });
});

describe("a client that leaves", () => {
  test("ends the wait for its write", async () => {
    const { response, next } = holding();
    const sent = send(response, readerOf(Buffer.alloc(10)), 10);
    await next();
    response.leave();
    expect((await brokenBy(sent)).kind).toBe("closed");
    expect(response.listenerCount("close")).toBe(0);
  });

  test("before the first byte gets no write", async () => {
    const { response, held } = holding();
    response.destroyed = true;
    expect((await brokenBy(send(response, readerOf(Buffer.alloc(10)), 10))).kind).toBe("closed");
    expect(held).toEqual([]);
  });

  test("is known by its socket's error too", async () => {
    const { response, next } = holding();
    const sent = send(response, readerOf(Buffer.alloc(10)), 10);
    (await next()).done(new Error("EPIPE"));
    const broken = await brokenBy(sent);
    expect([broken.kind, (broken.cause as Error).message]).toEqual(["closed", "EPIPE"]);
  });
});

describe("a buffer", () => {
  test("is not read into before its write is done", async () => {
    const bytes = seededBytes("held", 200_000);
    const reader = readerOf(bytes);
    const { response, next } = holding();
    const sent = send(response, reader, bytes.length);
    const out: Buffer[] = [];
    while (Buffer.concat(out).length < bytes.length) {
      const { bytes: pending, done } = await next();
      const before = reader.asked.length;
      await Promise.resolve();
      expect(reader.asked).toHaveLength(before);
      out.push(Buffer.from(pending));
      done();
    }
    await sent;
    expect(Buffer.concat(out).equals(bytes)).toBe(true);
  });

  test("is never shared by two bodies at once", async () => {
    const one = holding();
    const two = holding();
    const sentOne = send(one.response, readerOf(Buffer.alloc(1000, 1)), 1000);
    const sentTwo = send(two.response, readerOf(Buffer.alloc(1000, 2)), 1000);
    const [first, second] = await Promise.all([one.next(), two.next()]);
    expect(first.bytes.buffer).not.toBe(second.bytes.buffer);
    expect([first.bytes[0], second.bytes[0]]).toEqual([1, 2]);
    first.done();
    second.done();
    await Promise.all([sentOne, sentTwo]);
  });

  test("is used again once its write is done", async () => {
    const one = readerOf(Buffer.alloc(10));
    await send(takingIn(() => 0).response, one, 10);
    const buffers = new Set<Buffer | undefined>();
    for (let turn = 0; turn < 70; turn += 1) {
      const other = readerOf(Buffer.alloc(10));
      await send(takingIn(() => 0).response, other, 10);
      buffers.add(other.buffers[0]);
    }
    expect(buffers.size).toBeLessThan(70);
  });

  test("that a gone client's socket may still hold is not used again", async () => {
    const { response, next } = holding();
    const reader = readerOf(Buffer.alloc(10, 1));
    const sent = send(response, reader, 10);
    const { bytes } = await next();
    response.leave();
    await brokenBy(sent);
    for (let turn = 0; turn < 70; turn += 1) {
      await send(takingIn(() => 0).response, readerOf(Buffer.alloc(10, 2)), 10);
    }
    expect(bytes).toEqual(Buffer.alloc(10, 1));
  });
});
