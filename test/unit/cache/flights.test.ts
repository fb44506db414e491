import { describe, expect, test } from "vitest";
import { BodyBroken } from "../../../src/cache/index.ts";
import { BlobAbsent } from "../../../src/cache/flights/flight.ts";
import type { Seat } from "../../../src/cache/flights/flights.ts";
import { UpstreamError } from "../../../src/upstream/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import type { OpenCall } from "./fake-upstream.ts";
import { digestOf, openHangar, readerAt, receive, until } from "./hangar.ts";

const body = seededBytes("flight", 300_000);
const digest = digestOf(body);
const size = body.length;
const broken = new UpstreamError("unreachable", "ECONNRESET", { upstream: "registry.test" });

/** The upstream breaks off when `written` bytes are in the file. */
async function breakOffAt(call: OpenCall, seat: Seat, written: number): Promise<void> {
  const feed = call.answer(size);
  feed.push(body.subarray(0, written));
  await until(seat, () => seat.flight.written === written);
  feed.push(broken);
}

describe("a flight", () => {
  test("is one upstream request for any number of readers, and all get the right bytes", async () => {
    const { flights, upstream, request, recorded, staging, budget } = await openHangar();
    const seats = Array.from({ length: 20 }, () => flights.join(request(digest)));
    expect(seats.map(({ isLeader }) => isLeader)).toEqual(seats.map((_, at) => at === 0));
    expect([flights.running, flights.followers]).toEqual([1, 19]);
    const received = Promise.all(seats.map((seat) => receive(readerAt(seat, size), size)));
    const feed = (await upstream.called(1)).answer(size);
    feed.push(body.subarray(0, 1), body.subarray(1, 200_000), body.subarray(200_000), "end");
    for (const { isWhole, bytes } of await received) expect([isWhole, bytes.equals(body)]).toEqual([true, true]);
    await Promise.all(seats.map(({ ended }) => ended));
    expect(upstream.calls.map(({ range }) => range)).toEqual([{ from: 0 }]);
    expect(recorded).toEqual([`library/demo ${digest}`]);
    expect([await staging(), budget.reservedBytes]).toEqual([[], 0]);
    expect([flights.running, flights.followers, flights.get(upstream.name, digest)]).toEqual([0, 0, undefined]);
  });

  test("hands out what has come while the upstream still holds the rest, but not the last byte", async () => {
    const { flights, upstream, request } = await openHangar();
    const seat = flights.join(request(digest));
    const feed = (await upstream.called(1)).answer(size);
    feed.push(body);
    const reader = readerAt(seat, size);
    const buffer = Buffer.alloc(size);
    for (let position = 0; position < size - 1;) {
      position += await reader.read(buffer.subarray(position), position, size - position);
      expect(position).toBeLessThan(size);
    }
    expect(seat.flight.phase).toBe("running");
    feed.push("end");
    expect(await reader.read(buffer.subarray(size - 1), size - 1, 1)).toBe(1);
    expect(buffer.equals(body)).toBe(true);
    await reader.close();
    await seat.ended;
  });

  test("of wrong bytes is whole for nobody, and nothing of it is kept", async () => {
    const { flights, upstream, request, recorded, noticed, staging, budget } = await openHangar();
    const seats = [flights.join(request(digest)), flights.join(request(digest))];
    const received = Promise.all(seats.map((seat) => receive(readerAt(seat, size), size)));
    const wrong = Buffer.from(body);
    wrong[size - 1] = (wrong[size - 1] ?? 0) ^ 1;
    (await upstream.called(1)).answer(size).push(wrong, "end");
    for (const { isWhole, broken: why } of await received) {
      expect([isWhole, why?.kind]).toEqual([false, "digest-mismatch"]);
    }
    await Promise.all(seats.map(({ ended }) => ended));
    expect([recorded, noticed]).toEqual([[], [upstream.name]]);
    await expect.poll(staging).toEqual([]);
    expect(budget.reservedBytes).toBe(0);
  });

  test("of wrong bytes is remembered for a minute", async () => {
    const { flights, upstream, request, clock } = await openHangar();
    const seat = flights.join(request(digest));
    (await upstream.called(1)).answer(3).push(Buffer.from("bad"), "end");
    await seat.ended;
    seat.leave();
    clock.advance(59_999);
    expect(flights.hasMismatched(upstream.name, digest)).toBe(true);
    expect(flights.hasMismatched("another.test", digest)).toBe(false);
    clock.advance(1);
    expect(flights.hasMismatched(upstream.name, digest)).toBe(false);
  });

  test("holds a place in the budget from its first byte, and gives it back with its last reader where nothing is kept", async () => {
    const { flights, upstream, request, budget } = await openHangar();
    const seat = flights.join(request(digest));
    (await upstream.called(1)).answer(size).push(body.subarray(0, 10), new BodyBroken("digest-mismatch", "test"));
    await seat.flight.run.opened;
    expect(budget.reservedBytes).toBe(size);
    await seat.ended;
    seat.leave();
    await expect.poll(() => budget.reservedBytes).toBe(0);
  });

  test("ends all fills and removes all parts when everything closes", async () => {
    const { flights, upstream, request, staging, budget } = await openHangar();
    const seat = flights.join(request(digest));
    const feed = (await upstream.called(1)).answer(size);
    feed.push(body.subarray(0, 1000));
    await until(seat, () => seat.flight.written === 1000);
    expect(await staging()).toHaveLength(1);
    const received = receive(readerAt(seat, size), size);
    await flights.close();
    expect(await received).toMatchObject({ isWhole: false });
    await seat.ended;
    expect([await staging(), budget.reservedBytes, feed.isClosed]).toEqual([[], 0, true]);
  });
});

describe("a flight that fails before its first byte", () => {
  test("fails its readers with what the upstream said, and leaves nothing behind", async () => {
    const { flights, upstream, request, staging } = await openHangar();
    const seat = flights.join(request(digest));
    (await upstream.called(1)).fail(broken);
    await expect(seat.flight.run.opened).rejects.toBe(broken);
    await seat.ended;
    expect([flights.get(upstream.name, digest), await staging()]).toEqual([undefined, []]);
    seat.leave();
  });

  test("says so where the upstream does not have the blob", async () => {
    const { flights, upstream, request } = await openHangar();
    const seat = flights.join(request(digest));
    (await upstream.called(1)).absent();
    await expect(seat.flight.run.opened).rejects.toBeInstanceOf(BlobAbsent);
    await seat.ended;
    seat.leave();
  });

  test("gives up on an upstream that does not answer in time", async () => {
    const { flights, upstream, request, clock } = await openHangar();
    const seat = flights.join(request(digest));
    const call = await upstream.called(1);
    clock.advance(20_000);
    await expect(seat.flight.run.opened).rejects.toMatchObject({ kind: "timeout" });
    expect(call.signal.aborted).toBe(true);
    await seat.ended;
    seat.leave();
  });

  test("makes room for one through another repository as soon as it has ended", async () => {
    const { flights, upstream, request, recorded } = await openHangar();
    const first = flights.join(request(digest, "secret/a"));
    const follower = flights.join(request(digest, "open/b"));
    (await upstream.called(1)).fail(new UpstreamError("denied", "403", { upstream: upstream.name, status: 403 }));
    await follower.ended;
    first.leave();
    follower.leave();
    const own = flights.join(request(digest, "open/b"));
    expect([own.isLeader, own.flight.run.isResumed]).toEqual([true, false]);
    const received = receive(readerAt(own, size), size);
    (await upstream.called(2)).answer(size).push(body, "end");
    expect((await received).isWhole).toBe(true);
    await own.ended;
    expect(upstream.calls.map(({ repository }) => repository)).toEqual(["secret/a", "open/b"]);
    expect(recorded).toEqual([`open/b ${digest}`]);
  });
});

describe("a flight that breaks off in the middle", () => {
  test("ends its readers short, and goes on from its part for one that comes back within a minute", async () => {
    const { flights, upstream, request, clock, staging, budget } = await openHangar();
    const first = flights.join(request(digest));
    const short = receive(readerAt(first, size), size);
    await breakOffAt(await upstream.called(1), first, 100_000);
    expect(await short).toMatchObject({ isWhole: false, broken: { kind: "transport" } });
    await first.ended;
    expect(await staging()).toHaveLength(1);
    clock.advance(59_999);
    const second = flights.join(request(digest));
    expect([second.isLeader, second.flight.run.isResumed]).toEqual([true, true]);
    const whole = receive(readerAt(second, size), size);
    const call = await upstream.called(2);
    expect(call.range).toEqual({ from: 100_000 });
    call.answer(size).push(body.subarray(100_000), "end");
    const { isWhole, bytes } = await whole;
    expect([isWhole, bytes.equals(body)]).toEqual([true, true]);
    await second.ended;
    expect([await staging(), budget.reservedBytes]).toEqual([[], 0]);
  });

  test("is forgotten after a minute, with its part", async () => {
    const { flights, upstream, request, clock, staging, budget } = await openHangar();
    const seat = flights.join(request(digest));
    const short = receive(readerAt(seat, size), size);
    await breakOffAt(await upstream.called(1), seat, 100_000);
    await short;
    await seat.ended;
    clock.advance(60_000);
    expect(flights.get(upstream.name, digest)).toBeUndefined();
    await expect.poll(staging).toEqual([]);
    expect([budget.reservedBytes, clock.pendingTimers]).toEqual([0, 0]);
  });

  test("does not go on where the upstream's blob has another length now", async () => {
    const { flights, upstream, request } = await openHangar();
    const first = flights.join(request(digest));
    const short = receive(readerAt(first, size), size);
    await breakOffAt(await upstream.called(1), first, 1000);
    await short;
    await first.ended;
    const second = flights.join(request(digest));
    (await upstream.called(2)).answer(size + 1);
    await expect(second.flight.run.opened).rejects.toMatchObject({ kind: "bad-response" });
    await second.ended;
    second.leave();
  });
});
