import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { BodyBroken } from "../../../src/cache/index.ts";
import { Relay } from "../../../src/cache/flights/relay.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { Feed } from "./fake-upstream.ts";
import { digestOf, receive } from "./hangar.ts";
import { attach, body, chunkBytes, MiB, openRelay, readTo, size, windowBytes } from "./relay-fixture.ts";

describe("a relay", () => {
  test("is one body for any number of readers, and all get the right bytes", async () => {
    const { relay, asked } = openRelay();
    const readers = Array.from({ length: 10 }, () => attach(relay));
    expect(asked.bodies).toBe(0);
    const received = await Promise.all(readers.map((reader) => receive(reader, size, 0, MiB)));
    for (const { isWhole, bytes } of received) expect([isWhole, bytes.equals(body)]).toEqual([true, true]);
    expect(asked).toEqual({ bodies: 1, bytes: size, isClosed: false });
  });

  test("goes on from where a part ends, with the hash of the part", async () => {
    const { relay } = openRelay({ start: 3_000_001 });
    const rest = await readTo(attach(relay, 3_000_001), size);
    expect(rest.equals(body.subarray(3_000_001))).toBe(true);
  });

  test("is joined later as long as its window reaches back, and not any more from then on", async () => {
    const { relay, asked } = openRelay();
    const first = attach(relay);
    await readTo(first, 6 * MiB);
    const second = attach(relay);
    await Promise.all([readTo(first, 12 * MiB), readTo(second, 12 * MiB)]);
    expect([relay.reaches(0), relay.attach(0, size, true)]).toEqual([false, undefined]);
    expect([relay.reaches(11 * MiB), relay.reaches(size)]).toEqual([true, false]);
    const third = attach(relay, 11 * MiB);
    const received = await Promise.all([first, second, third].map((reader) => receive(reader, size, reader.position)));
    expect(received.map(({ isWhole }) => isWhole)).toEqual([true, true, true]);
    expect(asked.bodies).toBe(1);
  });

  test("is joined at its end too, and after it has brought everything", async () => {
    const { relay, asked } = openRelay();
    await readTo(attach(relay), size);
    expect((await readTo(attach(relay, size - MiB), size)).equals(body.subarray(size - MiB))).toBe(true);
    expect((await readTo(attach(relay, size), size)).length).toBe(0);
    expect(asked.bodies).toBe(1);
  });

  test("holds no more than its window, whatever the length of the body", async () => {
    const { relay, asked } = openRelay();
    const reader = attach(relay);
    for (let to = MiB; to <= size; to += MiB) {
      await readTo(reader, to);
      const held = asked.bytes - windowBytes - chunkBytes;
      expect(held <= 0 || !relay.reaches(held - 1)).toBe(true);
      expect(asked.bytes - reader.position).toBeLessThanOrEqual(chunkBytes);
    }
  });

  test("hands out the last byte only when the digest is known to be right", async () => {
    const clock = new ManualClock();
    const feed = new Feed(new AbortController().signal);
    const small = body.subarray(0, 300_000);
    const hash = createHash("sha256");
    const relay = new Relay({
      digest: digestOf(small),
      open: () => Promise.resolve(feed),
      start: 0,
      hash,
      clock,
      onWrong: () => undefined,
    });
    const readers = [1, 2].flatMap(() => relay.attach(0, small.length, true) ?? []);
    feed.push(small);
    const buffer = Buffer.alloc(small.length);
    for (const reader of readers) {
      expect(await reader.read(buffer, 0, small.length)).toBe(small.length - 1);
    }
    let isOut = false;
    const last = readers.map((reader) => reader.read(buffer, small.length - 1, 10).finally(() => (isOut = true)));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isOut).toBe(false);
    feed.push("end");
    expect(await Promise.all(last)).toEqual([1, 1]);
    expect(await readers[0]?.read(buffer, small.length, 10)).toBe(0);
  });

  test("ends all readers short where the digest is wrong", async () => {
    const wrong = Buffer.from(body);
    wrong[7 * MiB] = (wrong[7 * MiB] ?? 0) ^ 1;
    const { relay } = openRelay({ sent: wrong });
    const readers = [attach(relay), attach(relay)];
    for (const { bytes, isWhole, broken } of await Promise.all(readers.map((reader) => receive(reader, size)))) {
      expect([isWhole, broken?.kind, bytes.length]).toEqual([false, "digest-mismatch", size - 1]);
    }
    expect([relay.reaches(size), relay.attach(size, size, true)]).toEqual([false, undefined]);
  });

  test.each([
    ["shorter", body.subarray(0, size - 1)],
    ["longer", Buffer.concat([body, Buffer.from("!")])],
  ])("ends all readers short where the body is %s than was announced", async (_, sent) => {
    const { relay } = openRelay({ sent });
    const received = await Promise.all([attach(relay), attach(relay)].map((reader) => receive(reader, size)));
    for (const { isWhole, broken } of received) expect([isWhole, broken]).toEqual([false, expect.any(BodyBroken)]);
  });

  test("ends all readers short where a body of the right digest has another length than was announced", async () => {
    const { relay } = openRelay();
    const received = await Promise.all(
      [size - 1, size + 1].map(async (announced) => {
        const reader = relay.attach(0, announced, true);
        return reader && receive(reader, announced);
      }),
    );
    expect(received.map((one) => [one?.isWhole, one?.broken?.kind])).toEqual([
      [false, "length-mismatch"],
      [false, "length-mismatch"],
    ]);
  });

  test("ends all readers short where the upstream breaks off, and takes no more of them", async () => {
    const { relay } = openRelay({ failAfter: 10 * MiB });
    const received = await Promise.all([attach(relay), attach(relay)].map((reader) => receive(reader, size)));
    for (const { bytes, isWhole, broken } of received) {
      expect([isWhole, broken?.kind, bytes.equals(body.subarray(0, 10 * MiB))]).toEqual([false, "transport", true]);
    }
    expect(relay.attach(10 * MiB, size, true)).toBeUndefined();
  });

  test("ends all readers short where nothing can be opened", async () => {
    const clock = new ManualClock();
    const open = (): Promise<never> => Promise.reject(new BodyBroken("transport", "gone"));
    const relay = new Relay({
      digest: digestOf(body),
      open,
      start: 0,
      hash: createHash("sha256"),
      clock,
      onWrong: () => undefined,
    });
    const received = await Promise.all([attach(relay), attach(relay)].map((reader) => receive(reader, size)));
    for (const { bytes, broken } of received) expect([bytes.length, broken?.kind]).toEqual([0, "transport"]);
  });

  test("closes the upstream's body and ends its readers short when it is closed", async () => {
    const { relay, asked } = openRelay();
    const reader = attach(relay);
    await readTo(reader, MiB);
    await relay.close();
    expect([asked.isClosed, relay.reaches(MiB)]).toEqual([true, false]);
    expect((await receive(reader, size, MiB)).broken?.kind).toBe("closed");
  });

  test("wakes a reader that waits for bytes when it is closed", async () => {
    const feed = new Feed(new AbortController().signal);
    const [clock, hash] = [new ManualClock(), createHash("sha256")];
    const relay = new Relay({
      digest: digestOf(body),
      open: () => Promise.resolve(feed),
      start: 0,
      hash,
      clock,
      onWrong: () => undefined,
    });
    const received = receive(attach(relay), size);
    await new Promise((resolve) => setImmediate(resolve));
    const closing = relay.close();
    feed.push("end");
    await closing;
    expect((await received).broken?.kind).toBe("closed");
  });
});

describe("a reader of a part", () => {
  test("gets it without waiting for the digest, and no byte more", async () => {
    const { relay, asked } = openRelay();
    const reader = relay.attach(0, 3 * MiB + 7, false);
    const received = reader && (await receive(reader, 3 * MiB + 7));
    expect(received?.bytes.equals(body.subarray(0, 3 * MiB + 7))).toBe(true);
    expect(asked.bytes).toBeLessThanOrEqual(3 * MiB + 7 + chunkBytes);
  });

  test("that reaches to the end gets the last byte with the others", async () => {
    const { relay } = openRelay();
    const whole = attach(relay);
    await readTo(whole, 15 * MiB);
    const tail = relay.attach(14 * MiB, size, false);
    const [all, part] = await Promise.all([readTo(whole, size), tail && receive(tail, size, 14 * MiB)]);
    expect([all.length, part?.isWhole]).toEqual([5 * MiB, true]);
    expect(part?.bytes.equals(body.subarray(14 * MiB))).toBe(true);
  });

  test("that was to reach further than the body ends short", async () => {
    const { relay } = openRelay();
    const reader = relay.attach(0, size + 10, false);
    const received = reader && (await receive(reader, size + 10));
    expect([received?.isWhole, received?.broken?.kind]).toEqual([false, "length-mismatch"]);
  });
});
