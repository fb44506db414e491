import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UncachedStream } from "../../src/cache/flights/uncached-stream.ts";
import { digestOf } from "../../src/oci/index.ts";
import { receive, type Received } from "../unit/cache/hangar.ts";

interface Sending {
  blob: Buffer;
  /** Where the stream begins; the hash of what is before is known. */
  start: number;
  chunks: Buffer[];
  bufferBytes: number;
}

const sending: fc.Arbitrary<Sending> = fc.uint8Array({ minLength: 1, maxLength: 2000 }).chain((bytes) =>
  fc
    .record({
      start: fc.nat(bytes.length - 1),
      cuts: fc.array(fc.nat(bytes.length), { maxLength: 10 }),
      bufferBytes: fc.integer({ min: 1, max: 3000 }),
    })
    .map(({ start, cuts, bufferBytes }) => {
      const blob = Buffer.from(bytes);
      return { blob, start, bufferBytes, chunks: cut(blob.subarray(start), cuts) };
    }),
);

function cut(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((place) => place % bytes.length), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((place, at) => bytes.subarray(places[at], place));
}

function through({ blob, start, bufferBytes }: Sending, chunks: Buffer[]): Promise<Received> {
  const sent = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  const hash = createHash("sha256").update(blob.subarray(0, start));
  const stream = new UncachedStream({ digest: digestOf(blob), chunks: sent, start, end: blob.length, hash });
  return receive(stream, blob.length, start, bufferBytes);
}

describe("a body straight from the upstream", () => {
  test("is the same bytes, however it is cut and read, from wherever it begins", async () => {
    await fc.assert(
      fc.asyncProperty(sending, async (given) => {
        const { isWhole, bytes } = await through(given, given.chunks);
        expect(isWhole && bytes.equals(given.blob.subarray(given.start))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("is never whole where one byte is wrong", async () => {
    await fc.assert(
      fc.asyncProperty(sending, fc.nat(), fc.integer({ min: 1, max: 255 }), async (given, place, change) => {
        const chunks = given.chunks.map((chunk) => Buffer.from(chunk));
        const chunk = chunks[place % chunks.length];
        if (chunk) chunk[place % chunk.length] = (chunk[place % chunk.length] ?? 0) ^ change;
        expect((await through(given, chunks)).isWhole).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("is never whole where chunks are missing, doubled or in another order", async () => {
    const spoil = fc.constantFrom<(chunks: Buffer[]) => Buffer[]>(
      (chunks) => chunks.slice(1),
      (chunks) => chunks.slice(0, -1),
      (chunks) => [...chunks, ...chunks.slice(-1)],
      (chunks) => [...chunks.slice(0, 1), ...chunks],
      (chunks) => [...chunks].reverse(),
    );
    await fc.assert(
      fc.asyncProperty(sending, spoil, async (given, change) => {
        const chunks = change(given.chunks);
        fc.pre(!Buffer.concat(chunks).equals(Buffer.concat(given.chunks)));
        expect((await through(given, chunks)).isWhole).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
