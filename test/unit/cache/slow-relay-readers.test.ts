import { describe, expect, test } from "vitest";
import { hashIs } from "../../../src/cache/flights/uncached-stream.ts";
import { digestOf, receive } from "./hangar.ts";
import { attach, body, chunkBytes, MiB, openRelay, readTo, settled, size, windowBytes } from "./relay-fixture.ts";

describe("a slow reader", () => {
  /** One that has read so much and stops, and one that wants everything. */
  async function withSlow(bytes: number, bufferBytes = MiB) {
    const fixture = openRelay();
    const [slow, fast] = [attach(fixture.relay), attach(fixture.relay)];
    await readTo(slow, bytes, bufferBytes);
    const received = receive(fast, size, 0, MiB);
    await settled(fixture.asked);
    return { ...fixture, slow, received };
  }

  test("is waited for: the others go no further than the window", async () => {
    const { asked, slow, received, clock } = await withSlow(MiB);
    expect(asked.bytes).toBeGreaterThanOrEqual(MiB + windowBytes - chunkBytes);
    expect(asked.bytes).toBeLessThanOrEqual(MiB + windowBytes + chunkBytes);
    clock.advance(999);
    expect((await readTo(slow, size)).equals(body.subarray(MiB))).toBe(true);
    expect([(await received).isWhole, slow.fellBehind, asked.bodies]).toEqual([true, undefined, 1]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ["between two chunks", MiB, MiB],
    ["within a chunk", MiB + 12_345, 1000],
    ["before its first byte", 0, MiB],
  ])("is left behind after a second, with what it needs to go on by itself: %s", async (_, position, bufferBytes) => {
    const { relay, slow, received, clock } = await withSlow(position, bufferBytes);
    clock.advance(1000);
    expect((await received).isWhole).toBe(true);
    expect(await slow.read(Buffer.alloc(10), position, 10)).toBe(0);
    expect(slow.fellBehind?.position).toBe(position);
    const hash = slow.fellBehind?.hash.copy().update(body.subarray(position));
    expect(hash && hashIs(hash, digestOf(body))).toBe(true);
    expect(relay.reaches(position)).toBe(false);
  });

  test("that trickles does not set the pace of the others for long", async () => {
    const { slow, received, clock, asked } = await withSlow(MiB);
    for (let round = 0; round < 20 && slow.fellBehind === undefined; round += 1) {
      clock.advance(900);
      await readTo(slow, slow.position + chunkBytes, chunkBytes);
      await settled(asked);
    }
    expect(slow.fellBehind).toBeDefined();
    expect((await received).isWhole).toBe(true);
  });

  test("that leaves is not waited for", async () => {
    const { slow, received, clock } = await withSlow(MiB);
    await slow.close();
    expect((await received).isWhole).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("of several is left behind alone; those that keep up stay", async () => {
    const { relay, clock, asked } = openRelay();
    const [slow, steady, fast] = [attach(relay), attach(relay), attach(relay)];
    await readTo(slow, MiB);
    await readTo(steady, 3 * MiB);
    const received = receive(fast, size, 0, MiB);
    await settled(asked);
    clock.advance(1000);
    await settled(asked);
    expect([slow.fellBehind?.position, steady.fellBehind]).toEqual([MiB, undefined]);
    expect((await readTo(steady, size)).equals(body.subarray(3 * MiB))).toBe(true);
    expect((await received).isWhole).toBe(true);
  });

  test("does not keep a closing relay open", async () => {
    const { relay, received, clock } = await withSlow(MiB);
    await relay.close();
    expect((await received).broken?.kind).toBe("closed");
    expect(clock.pendingTimers).toBe(0);
  });
});
