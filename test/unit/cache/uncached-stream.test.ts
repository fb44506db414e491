import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { UncachedStream } from "../../../src/cache/flights/uncached-stream.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { receive, type Received } from "./hangar.ts";

const body = Buffer.from("the bytes of a layer");

interface Given {
  chunks: Buffer[];
  size?: number;
  start?: number;
  isChecked?: boolean;
}

async function stream({ chunks, size = body.length, start = 0, isChecked = true }: Given): Promise<Received> {
  const hash = isChecked ? createHash("sha256").update(body.subarray(0, start)) : undefined;
  const sent = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  return receive(new UncachedStream({ digest: digestOf(body), chunks: sent, start, end: size, hash }), size, start, 7);
}

describe("a body straight from the upstream", () => {
  test("is handed out whole where its digest is right", async () => {
    const received = await stream({ chunks: [body.subarray(0, 3), body.subarray(3, 19), body.subarray(19)] });
    expect([received.isWhole, received.bytes.equals(body)]).toEqual([true, true]);
  });

  test("goes on from the hash of what was read before", async () => {
    const received = await stream({ chunks: [body.subarray(8)], start: 8 });
    expect([received.isWhole, received.bytes.equals(body.subarray(8))]).toEqual([true, true]);
  });

  test("never gets its last byte where a byte is wrong", async () => {
    const wrong = Buffer.from(body);
    wrong[0] = 0;
    const received = await stream({ chunks: [wrong] });
    expect([received.isWhole, received.broken?.kind]).toEqual([false, "digest-mismatch"]);
    expect(received.bytes).toHaveLength(body.length - 1);
  });

  test("never gets its last byte where the beginning, which was read before, was wrong", async () => {
    const received = await stream({ chunks: [body.subarray(9)], start: 8, size: body.length - 1 });
    expect([received.isWhole, received.broken?.kind]).toEqual([false, "digest-mismatch"]);
  });

  test("is broken off where it is shorter or longer than announced", async () => {
    const short = await stream({ chunks: [body.subarray(0, -1)] });
    const long = await stream({ chunks: [body, Buffer.from("!")] });
    const longInOne = await stream({ chunks: [Buffer.concat([body, Buffer.from("!")])] });
    for (const { isWhole, broken } of [short, long, longInOne]) {
      expect([isWhole, broken?.kind]).toEqual([false, "length-mismatch"]);
    }
  });

  test("does not end at a chunk without bytes", async () => {
    const none = Buffer.alloc(0);
    const received = await stream({ chunks: [none, body.subarray(0, 5), none, none, body.subarray(5), none] });
    expect([received.isWhole, received.bytes.equals(body)]).toEqual([true, true]);
  });

  test("of no bytes is checked too: nothing is not the blob", async () => {
    const hash = createHash("sha256");
    const chunks = Readable.from([]) as AsyncIterable<Buffer>;
    const reader = new UncachedStream({ digest: digestOf(body), chunks, start: 0, end: 0, hash });
    await expect(reader.read(Buffer.alloc(1), 0, 1)).rejects.toThrow("digest");
  });

  test("that is a part is not checked, and ends where it was asked to end", async () => {
    const received = await stream({ chunks: [body.subarray(4)], start: 4, size: 9, isChecked: false });
    expect([received.isWhole, received.bytes.equals(body.subarray(4, 9))]).toEqual([true, true]);
  });

  test("closes the upstream's body with its own end", async () => {
    let isClosed = false;
    const chunks = (async function* () {
      try {
        for (;;) yield await Promise.resolve(body);
      } finally {
        isClosed = true;
      }
    })();
    const reader = new UncachedStream({ digest: digestOf(body), chunks, start: 0, end: 1e6, hash: undefined });
    await reader.read(Buffer.alloc(10), 0, 10);
    await reader.close();
    expect(isClosed).toBe(true);
  });
});
