import { describe, expect, test } from "vitest";
import type { BlobStore } from "../../../src/blobstore/index.ts";
import { UpstreamError } from "../../../src/upstream/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import type { Feed } from "./fake-upstream.ts";
import { abandoned, digestOf, openHangar, readerAt, receive, until, type Hangar } from "./hangar.ts";
import { storeWith } from "./store-with.ts";

const MiB = 1024 * 1024;
const large = seededBytes("large", 17 * MiB);
const digest = digestOf(large);

/** A fill of the large blob whose only reader left when `written` bytes had come. */
async function leftAt(hangar: Hangar, written: number): Promise<{ feed: Feed; ended: Promise<void> }> {
  const seat = hangar.flights.join(hangar.request(digest));
  const feed = (await hangar.upstream.called(1)).answer(large.length);
  feed.push(large.subarray(0, written));
  await until(seat, () => seat.flight.written === written);
  seat.leave();
  return { feed, ended: seat.ended };
}

describe("a fill that nobody reads any more", () => {
  test("goes on where at least half is there", async () => {
    const hangar = await openHangar();
    const { feed, ended } = await leftAt(hangar, large.length / 2);
    hangar.clock.advance(abandoned.lingerMs * 10);
    feed.push(large.subarray(large.length / 2), "end");
    await ended;
    expect(hangar.recorded).toEqual([`library/demo ${digest}`]);
    expect(hangar.upstream.calls).toHaveLength(1);
  });

  test("goes on where the blob is smaller than 16 MiB", async () => {
    const { flights, request, upstream, clock, recorded } = await openHangar();
    const small = seededBytes("small", 16 * MiB - 1);
    const seat = flights.join(request(digestOf(small)));
    const feed = (await upstream.called(1)).answer(small.length);
    await seat.flight.run.opened;
    seat.leave();
    clock.advance(abandoned.lingerMs * 10);
    feed.push(small, "end");
    await seat.ended;
    expect(recorded).toHaveLength(1);
  });

  test("stops after linger where less than half is there, not sooner, and keeps its part", async () => {
    const hangar = await openHangar();
    const { feed, ended } = await leftAt(hangar, MiB);
    hangar.clock.advance(abandoned.lingerMs - 1);
    expect(feed.signal.aborted).toBe(false);
    hangar.clock.advance(1);
    expect(feed.signal.aborted).toBe(true);
    await ended;
    expect([feed.isClosed, hangar.flights.running]).toEqual([true, 0]);
    expect(await hangar.staging()).toHaveLength(1);
    expect(hangar.budget.reservedBytes).toBe(MiB);
  });

  test("stops after linger where its length is not known", async () => {
    const { flights, request, upstream, clock } = await openHangar();
    const seat = flights.join(request(digest));
    const feed = (await upstream.called(1)).answer(undefined);
    await seat.flight.run.opened;
    seat.leave();
    clock.advance(abandoned.lingerMs);
    expect(feed.signal.aborted).toBe(true);
    await seat.ended;
  });

  test("stops after linger before the upstream has answered at all", async () => {
    const { flights, request, upstream, clock } = await openHangar();
    const seat = flights.join(request(digest));
    const call = await upstream.called(1);
    seat.leave();
    clock.advance(abandoned.lingerMs);
    expect(call.signal.aborted).toBe(true);
    await seat.ended;
    expect(flights.get(upstream.name, digest)).toBeUndefined();
  });

  test("is not stopped where somebody comes back within linger", async () => {
    const hangar = await openHangar();
    const { feed } = await leftAt(hangar, MiB);
    hangar.clock.advance(abandoned.lingerMs - 1);
    const back = hangar.flights.join(hangar.request(digest));
    expect([back.isLeader, back.flight.run.isResumed]).toEqual([false, false]);
    hangar.clock.advance(abandoned.lingerMs * 10);
    const received = receive(readerAt(back, large.length), large.length, 0, MiB);
    feed.push(large.subarray(MiB), "end");
    expect((await received).bytes.equals(large)).toBe(true);
    expect(hangar.upstream.calls).toHaveLength(1);
  });

  test("goes on from its kept part for one that comes back within keepFor", async () => {
    const hangar = await openHangar();
    const { ended } = await leftAt(hangar, MiB);
    hangar.clock.advance(abandoned.lingerMs);
    await ended;
    hangar.clock.advance(abandoned.keepForMs - 1);
    const back = hangar.flights.join(hangar.request(digest));
    expect([back.isLeader, back.flight.run.isResumed]).toEqual([true, true]);
    const received = receive(readerAt(back, large.length), large.length, 0, MiB);
    const call = await hangar.upstream.called(2);
    expect(call.range).toEqual({ from: MiB });
    call.answer(large.length).push(large.subarray(MiB), "end");
    expect((await received).bytes.equals(large)).toBe(true);
    await back.ended;
    expect(hangar.recorded).toHaveLength(1);
  });

  test("gives up its part and its place in the budget after keepFor", async () => {
    const hangar = await openHangar();
    const { ended } = await leftAt(hangar, MiB);
    hangar.clock.advance(abandoned.lingerMs);
    await ended;
    hangar.clock.advance(abandoned.keepForMs);
    await expect.poll(hangar.staging).toEqual([]);
    expect([hangar.budget.reservedBytes, hangar.clock.pendingTimers]).toEqual([0, 0]);
    expect(hangar.flights.get(hangar.upstream.name, digest)).toBeUndefined();
  });

  test("that is being stopped goes on for one that comes just then", async () => {
    const hangar = await openHangar();
    await leftAt(hangar, MiB);
    hangar.clock.advance(abandoned.lingerMs);
    const back = hangar.flights.join(hangar.request(digest));
    const received = receive(readerAt(back, large.length), large.length, 0, MiB);
    const call = await hangar.upstream.called(2);
    expect(call.range).toEqual({ from: MiB });
    call.answer(large.length).push(large.subarray(MiB), "end");
    expect((await received).bytes.equals(large)).toBe(true);
  });

  test("is served to one that comes while it is being committed, whatever the linger", async () => {
    const commit = Promise.withResolvers<undefined>();
    const hangar = await openHangar(({ store }) => ({ store: committingAfter(store, commit.promise) }));
    const { feed } = await leftAt(hangar, MiB);
    const flight = hangar.flights.get(hangar.upstream.name, digest);
    feed.push(large.subarray(MiB), "end");
    while (flight?.phase !== "verified") await flight?.changed();
    hangar.clock.advance(abandoned.lingerMs);
    const back = hangar.flights.join(hangar.request(digest));
    const { name } = hangar.upstream;
    const beyond = new UpstreamError("bad-response", "416", { upstream: name, status: 416 });
    void hangar.upstream.called(2).then((call) => call.fail(beyond));
    const received = receive(readerAt(back, large.length), large.length, 0, MiB);
    commit.resolve(undefined);
    expect((await received).isWhole).toBe(true);
    expect(hangar.upstream.calls).toHaveLength(1);
  });
});

describe("fills that nobody reads any more", () => {
  test("go on side by side while they are at most four; the fifth stops after linger", async () => {
    const { flights, request, upstream, clock, recorded } = await openHangar();
    const bodies = Array.from({ length: 5 }, (_, at) => seededBytes(`unread ${at}`, 1000));
    const seats = bodies.map((body) => flights.join(request(digestOf(body))));
    await upstream.called(5);
    const feeds = bodies.map((body) => upstream.calls.find((call) => call.digest === digestOf(body))?.answer(1000));
    await Promise.all(seats.map((seat) => seat.flight.run.opened));
    for (const seat of seats) seat.leave();
    clock.advance(abandoned.lingerMs);
    expect(feeds.map((feed) => feed?.signal.aborted)).toEqual([false, false, false, false, true]);
    for (const [at, feed] of feeds.entries()) feed?.push(bodies[at] ?? Buffer.alloc(0), "end");
    await Promise.all(seats.map(({ ended }) => ended));
    expect(recorded).toHaveLength(4);
  });

  test("do not count where somebody reads them", async () => {
    const { flights, request, upstream, clock } = await openHangar();
    const seats = Array.from({ length: 9 }, (_, at) => flights.join(request(digestOf(Buffer.from(`${at}`)))));
    await upstream.called(9);
    const feeds = upstream.calls.map((call) => call.answer(1000));
    await Promise.all(seats.map((seat) => seat.flight.run.opened));
    for (const seat of seats.slice(0, 4)) seat.leave();
    clock.advance(abandoned.lingerMs);
    expect(feeds.filter((feed) => feed.signal.aborted)).toEqual([]);
    for (const seat of seats) seat.leave();
  });
});

/** The store, with commits that wait. */
function committingAfter(store: BlobStore, gate: Promise<undefined>): BlobStore {
  return storeWith(store, {
    async stage(onWritten) {
      const staging = await store.stage(onWritten);
      return {
        get written() {
          return staging.written;
        },
        append: (chunk) => staging.append(chunk),
        flush: () => staging.flush(),
        read: (buffer, position, length) => staging.read(buffer, position, length),
        commit: async (of) => {
          await gate;
          await staging.commit(of);
        },
        close: () => staging.close(),
      };
    },
  });
}
