import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { openHangar, readerAt, receive, type Hangar, type Received } from "../unit/cache/hangar.ts";

/** A body and the places where it is cut into chunks; a place that stands twice makes a chunk without bytes. */
const cutBody = fc
  .uint8Array({ minLength: 1, maxLength: 4000 })
  .chain((bytes) => fc.tuple(fc.constant(Buffer.from(bytes)), fc.array(fc.nat(bytes.length), { maxLength: 12 })));
const buffers = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 });

function chunksOf(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, at) => bytes.subarray(places[at], place));
}

/** What `bufferSizes.length` clients receive of a blob that the upstream sends as `sent`. */
async function fill(
  { flights, upstream, request }: Hangar,
  blob: Buffer,
  sent: Buffer[],
  { bufferSizes, saysSize }: { bufferSizes: number[]; saysSize: boolean },
): Promise<Received[]> {
  const digest = digestOf(blob);
  const seats = bufferSizes.map(() => flights.join(request(digest, "library/demo", blob.length)));
  const readers = seats.map((seat) => readerAt(seat, blob.length));
  const received = Promise.all(readers.map((reader, at) => receive(reader, blob.length, 0, bufferSizes[at])));
  const [first] = seats;
  (await upstream.called(1)).answer(saysSize ? blob.length : undefined).push(...sent, "end");
  await first?.ended;
  upstream.calls.length = 0;
  return received;
}

describe("a fill", () => {
  test("brings the same bytes to every client, however the upstream cuts them and the clients read them", async () => {
    const hangar = await openHangar();
    await fc.assert(
      fc.asyncProperty(cutBody, buffers, fc.boolean(), async ([blob, cuts], bufferSizes, saysSize) => {
        const received = await fill(hangar, blob, chunksOf(blob, cuts), { bufferSizes, saysSize });
        for (const { isWhole, bytes } of received) expect(isWhole && bytes.equals(blob)).toBe(true);
        expect(hangar.budget.reservedBytes).toBe(0);
        await hangar.store.remove(digestOf(blob));
      }),
      { numRuns: 150 },
    );
    expect(await hangar.staging()).toEqual([]);
    expect(hangar.noticed).toEqual([]);
  });

  test("is whole for nobody where one byte is wrong, wherever that is", async () => {
    const hangar = await openHangar();
    await fc.assert(
      fc.asyncProperty(
        cutBody,
        buffers,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ([blob, cuts], bufferSizes, place, change) => {
          const wrong = Buffer.from(blob);
          const at = place % blob.length;
          wrong[at] = (wrong[at] ?? 0) ^ change;
          const received = await fill(hangar, blob, chunksOf(wrong, cuts), { bufferSizes, saysSize: true });
          expect(received.filter(({ isWhole }) => isWhole)).toEqual([]);
          expect(await hangar.store.open(digestOf(blob))).toBeUndefined();
          expect([hangar.budget.reservedBytes, hangar.recorded]).toEqual([0, []]);
        },
      ),
      { numRuns: 150 },
    );
    await expect.poll(hangar.staging).toEqual([]);
  });

  test("is whole for nobody where bytes are missing or too many", async () => {
    const hangar = await openHangar();
    await fc.assert(
      fc.asyncProperty(cutBody, buffers, fc.boolean(), async ([blob, cuts], bufferSizes, isShort) => {
        const chunks = chunksOf(blob, cuts);
        const sent = isShort ? chunksOf(blob.subarray(0, -1), []) : [...chunks, Buffer.from([0])];
        const received = await fill(hangar, blob, sent, { bufferSizes, saysSize: false });
        expect(received.filter(({ isWhole }) => isWhole)).toEqual([]);
      }),
      { numRuns: 100 },
    );
    await expect.poll(hangar.staging).toEqual([]);
    expect(hangar.budget.reservedBytes).toBe(0);
  });
});

describe("a fill that the budget has no room for", () => {
  test("passes the right bytes through, and never a whole body that is wrong", async () => {
    const hangar = await openHangar(() => ({}), 0);
    await fc.assert(
      fc.asyncProperty(cutBody, fc.option(fc.nat(), { nil: undefined }), async ([blob, cuts], place) => {
        const sent = Buffer.from(blob);
        if (place !== undefined) sent[place % blob.length] = (sent[place % blob.length] ?? 0) ^ 1;
        const chunks = chunksOf(sent, cuts).filter(({ length }) => length > 0);
        const [received] = await fill(hangar, blob, chunks, { bufferSizes: [1000], saysSize: true });
        expect(received?.isWhole).toBe(place === undefined);
        if (place === undefined) expect(received?.bytes.equals(blob)).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect([await hangar.staging(), hangar.recorded]).toEqual([[], []]);
  });
});
