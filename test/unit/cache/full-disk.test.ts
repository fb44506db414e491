import { describe, expect, test } from "vitest";
import { StoreError, type BlobStore } from "../../../src/blobstore/index.ts";
import { openHangar, readerAt, receive, until } from "./hangar.ts";
import { body, digest, MiB, nothingLeft, reading, send, size } from "./large-blob.ts";
import { storeWith } from "./store-with.ts";

/** A store that takes so many bytes of each file, and then says why it takes no more. */
function fullAfter(store: BlobStore, bytes: number, kind: "no-space" | "io" = "no-space"): BlobStore {
  const failure = new StoreError(kind, "the disk takes no more", undefined);
  return storeWith(store, {
    async stage(onWritten) {
      const staging = await store.stage(onWritten);
      let appended = 0;
      return {
        get written() {
          return staging.written;
        },
        append(chunk) {
          appended += chunk.length;
          return appended > bytes ? Promise.reject(failure) : staging.append(chunk);
        },
        async flush() {
          await staging.flush();
          if (appended > bytes) throw failure;
        },
        read: (buffer, position, length) => staging.read(buffer, position, length),
        commit: () => Promise.reject(failure),
        close: () => staging.close(),
      };
    },
  });
}

describe("a disk that takes no more in the middle of a fill", () => {
  const written = 3 * MiB;

  test.each(["no-space", "io"] as const)(
    "costs one further request for all its readers, who get the right bytes (%s)",
    async (kind) => {
      const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, written, kind) }));
      const readers = Array.from({ length: 5 }, () => reading(hangar));
      const feed = (await hangar.upstream.called(1)).answer(size);
      send(feed);
      const call = await hangar.upstream.called(2);
      expect(call.range).toEqual({ from: written });
      expect(feed.isClosed).toBe(true);
      const rest = call.answer(size);
      send(rest, written);
      rest.push("end");
      for (const { isWhole, bytes } of await Promise.all(readers.map(({ received }) => received))) {
        expect([isWhole, bytes.equals(body)]).toEqual([true, true]);
      }
      expect([hangar.upstream.calls.length, hangar.recorded, hangar.noticed]).toEqual([2, [], [kind]]);
      await nothingLeft(hangar);
    },
  );

  test("keeps what it has taken for those who come later: part and rest are shared", async () => {
    const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, written) }));
    const first = reading(hangar);
    send((await hangar.upstream.called(1)).answer(size));
    const rest = (await hangar.upstream.called(2)).answer(size);
    expect(hangar.budget.reservedBytes).toBe(written);
    send(rest, written, written + 4 * MiB);
    const seat = hangar.flights.join(hangar.request(digest));
    expect([seat.flight === first.seat.flight, seat.isLeader]).toEqual([true, false]);
    const second = readerAt(seat, size);
    const buffer = Buffer.alloc(MiB);
    let position = 0;
    while (position <= written) position += await second.read(buffer, position, MiB);
    send(rest, written + 4 * MiB);
    rest.push("end");
    const received = await Promise.all([first.received, receive(second, size, position, MiB)]);
    expect(received.map(({ isWhole }) => isWhole)).toEqual([true, true]);
    expect(hangar.upstream.calls).toHaveLength(2);
    await nothingLeft(hangar);
  });

  test("asks for nothing more where all its readers have left", async () => {
    const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, written) }));
    const seat = hangar.flights.join(hangar.request(digest));
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed, 0, written);
    await until(seat, () => seat.flight.written === written);
    seat.leave();
    send(feed, written);
    await seat.ended;
    await nothingLeft(hangar);
    expect(hangar.upstream.calls).toHaveLength(1);
  });

  test("ends its readers short where the rest has the wrong bytes, and lets nobody have the last byte", async () => {
    const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, written) }));
    const readers = [reading(hangar), reading(hangar)];
    send((await hangar.upstream.called(1)).answer(size));
    const rest = (await hangar.upstream.called(2)).answer(size);
    send(rest, written, size, Buffer.alloc(size));
    rest.push("end");
    for (const { bytes, isWhole, broken } of await Promise.all(readers.map(({ received }) => received))) {
      expect([isWhole, broken?.kind, bytes.length]).toEqual([false, "digest-mismatch", size - 1]);
    }
    await nothingLeft(hangar);
  });

  test("behind its last byte costs nothing: what is there is right, and is read from there", async () => {
    const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, size) }));
    const readers = [reading(hangar), reading(hangar)];
    const feed = (await hangar.upstream.called(1)).answer(size);
    send(feed);
    feed.push("end");
    for (const { isWhole } of await Promise.all(readers.map(({ received }) => received))) expect(isWhole).toBe(true);
    expect([hangar.upstream.calls.length, hangar.recorded]).toEqual([1, []]);
    await nothingLeft(hangar);
  });

  test("is no reason to let a client of another size have a byte too many", async () => {
    const hangar = await openHangar(({ store }) => ({ store: fullAfter(store, written) }));
    const seat = hangar.flights.join(hangar.request(digest, "library/demo", size + 5));
    const received = receive(readerAt(seat, size + 5), size + 5, 0, MiB);
    send((await hangar.upstream.called(1)).answer(undefined));
    const rest = (await hangar.upstream.called(2)).answer(undefined);
    send(rest, written);
    rest.push("end");
    expect(await received).toMatchObject({ isWhole: false, broken: { kind: "length-mismatch" } });
  });
});
