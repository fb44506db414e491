import { describe, expect, test } from "vitest";
import { UpstreamError } from "../../../src/upstream/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import { digestOf, openHangar, readerAt, receive, until, type Hangar } from "./hangar.ts";
import { body, chunkBytes, digest, MiB, nothingLeft, reading, send, size } from "./large-blob.ts";

/** Nothing fits the budget. */
function openFullHangar(): Promise<Hangar> {
  return openHangar(undefined, MiB);
}

describe("a blob that does not fit the budget", () => {
  test("is one upstream request for all who ask at once, and all get the right bytes", async () => {
    const hangar = await openFullHangar();
    const readers = Array.from({ length: 10 }, () => reading(hangar));
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed);
    feed.push("end");
    for (const { isWhole, bytes } of await Promise.all(readers.map(({ received }) => received))) {
      expect([isWhole, bytes.equals(body)]).toEqual([true, true]);
    }
    expect([hangar.upstream.calls.length, hangar.recorded, hangar.noticed]).toEqual([1, [], ["budget"]]);
    await nothingLeft(hangar);
  });

  test("is shared with those who come later, as long as what they need is at hand", async () => {
    const hangar = await openFullHangar();
    const first = reading(hangar);
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed, 0, 6 * MiB);
    await first.seat.flight.run.opened;
    await first.seat.ended;
    const second = reading(hangar);
    expect([second.seat.flight === first.seat.flight, second.seat.isLeader]).toEqual([true, false]);
    send(feed, 6 * MiB);
    feed.push("end");
    for (const { isWhole } of await Promise.all([first.received, second.received])) expect(isWhole).toBe(true);
    expect(hangar.upstream.calls).toHaveLength(1);
    await nothingLeft(hangar);
  });

  test("is asked for again for one who comes when the beginning has gone by, and the others go on", async () => {
    const hangar = await openFullHangar();
    const first = hangar.flights.join(hangar.request(digest));
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed);
    await first.ended;
    const reader = readerAt(first, size);
    const buffer = Buffer.alloc(chunkBytes);
    let position = 0;
    while (position < 12 * MiB) position += await reader.read(buffer, position, chunkBytes);
    const late = reading(hangar);
    expect([late.seat.flight === first.flight, late.seat.isLeader]).toEqual([false, true]);
    const call = await hangar.upstream.called(2);
    expect(call.range).toEqual({ from: 0 });
    const own = call.answer(size);
    send(own);
    own.push("end");
    feed.push("end");
    const rest = receive(reader, size, position, MiB);
    for (const { isWhole } of await Promise.all([rest, late.received])) expect(isWhole).toBe(true);
    expect(hangar.upstream.calls).toHaveLength(2);
    await nothingLeft(hangar);
  });

  test("closes the upstream's body when the last of its readers leaves, and not before", async () => {
    const hangar = await openFullHangar();
    const seats = [1, 2].map(() => hangar.flights.join(hangar.request(digest)));
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed, 0, MiB);
    const readers = seats.map((seat) => readerAt(seat, size));
    for (const reader of readers) await reader.read(Buffer.alloc(10), 0, 10);
    await readers[0]?.close();
    expect([feed.signal.aborted, feed.isClosed]).toEqual([false, false]);
    await readers[1]?.close();
    await expect.poll(() => feed.isClosed).toBe(true);
    await nothingLeft(hangar);
  });

  test("closes the upstream's body where nobody has read of it at all", async () => {
    const hangar = await openFullHangar();
    const seat = hangar.flights.join(hangar.request(digest));
    const feed = (await hangar.upstream.called(1)).answer(size);
    await seat.ended;
    seat.leave();
    await nothingLeft(hangar);
    expect(feed.signal.aborted).toBe(true);
  });

  test("holds its digest as long as somebody reads it", async () => {
    let holds = 0;
    const hold = (): (() => void) => {
      holds += 1;
      return () => void (holds -= 1);
    };
    const hangar = await openHangar(() => ({ hold }), MiB);
    const { seat, received } = reading(hangar);
    const feed = (await hangar.upstream.called(1)).answer(size);
    await seat.ended;
    expect(holds).toBe(1);
    send(feed);
    feed.push("end");
    await received;
    await expect.poll(() => holds).toBe(0);
  });

  test("ends short for all where its last byte is wrong, and the next one asks again", async () => {
    const hangar = await openFullHangar();
    const readers = [reading(hangar), reading(hangar)];
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed, 0, size - 1);
    feed.push(Buffer.from([(body.at(-1) ?? 0) ^ 1]), "end");
    for (const { bytes, isWhole, broken } of await Promise.all(readers.map(({ received }) => received))) {
      expect([isWhole, broken?.kind, bytes.length]).toEqual([false, "digest-mismatch", size - 1]);
    }
    const again = reading(hangar);
    const own = (await hangar.upstream.called(2)).answer(size);
    send(own);
    own.push("end");
    expect((await again.received).isWhole).toBe(true);
    await nothingLeft(hangar);
  });

  test("ends short for all where the upstream breaks off", async () => {
    const hangar = await openFullHangar();
    const readers = [reading(hangar), reading(hangar)];
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed, 0, MiB);
    feed.push(new UpstreamError("unreachable", "ECONNRESET", { upstream: hangar.upstream.name }));
    for (const { bytes, isWhole, broken } of await Promise.all(readers.map(({ received }) => received))) {
      expect([isWhole, broken?.kind, bytes.length]).toEqual([false, "transport", MiB]);
    }
    expect(hangar.upstream.calls).toHaveLength(1);
    await nothingLeft(hangar);
  });

  test("is brought to a reader that fell behind by a request of its own, from where it is, and is checked there too", async () => {
    for (const isRight of [true, false]) {
      const hangar = await openFullHangar();
      const slow = readerAt(hangar.flights.join(hangar.request(digest)), size);
      const feed = (await hangar.upstream.called(1)).answer(size);
      send(feed);
      feed.push("end");
      const buffer = Buffer.alloc(size);
      const count = await slow.read(buffer, 0, 100_000);
      const fast = reading(hangar);
      await expect.poll(() => hangar.clock.pendingTimers).toBe(1);
      hangar.clock.advance(1000);
      expect((await fast.received).isWhole).toBe(true);
      const rest = receive(slow, size, count, MiB);
      const call = await hangar.upstream.called(2);
      expect(call.range).toEqual({ from: count });
      const own = call.answer(size);
      own.push(body.subarray(count, size - 1), isRight ? body.subarray(size - 1) : Buffer.from("?"), "end");
      expect(await rest).toMatchObject(
        isRight ? { isWhole: true } : { isWhole: false, broken: { kind: "digest-mismatch" } },
      );
      expect(hangar.upstream.calls).toHaveLength(2);
      await nothingLeft(hangar);
    }
  });
});

test("kept parts go before any image: room is made of them first, and only of as many as are needed", async () => {
  const asked: string[] = [];
  const hangar = await openHangar(
    ({ budget }) => ({
      budget: {
        reserve: (bytes, how) => {
          asked.push(how ?? "evict");
          return budget.reserve(bytes, how);
        },
      },
    }),
    10 * MiB,
  );
  const kept = [1, 2].map((number) => seededBytes(`kept ${number}`, 4 * MiB));
  for (const [at, bytes] of kept.entries()) {
    const seat = hangar.flights.join(hangar.request(digestOf(bytes)));
    const feed = (await hangar.upstream.called(at + 1)).answer(bytes.length);
    feed.push(bytes.subarray(0, 3 * MiB));
    await until(seat, () => seat.flight.written === 3 * MiB);
    feed.push(new UpstreamError("unreachable", "ECONNRESET", { upstream: hangar.upstream.name }));
    await seat.ended;
    seat.leave();
  }
  expect([hangar.budget.reservedBytes, (await hangar.staging()).length]).toEqual([6 * MiB, 2]);
  asked.splice(0);
  const next = seededBytes("next", 6 * MiB);
  const seat = hangar.flights.join(hangar.request(digestOf(next)));
  (await hangar.upstream.called(3)).answer(next.length).push(next, "end");
  await seat.ended;
  seat.leave();
  expect([hangar.recorded.length, asked]).toEqual([1, ["free", "free"]]);
  expect(await hangar.staging()).toHaveLength(1);
});
