import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Lane } from "../../bench/compare/network/lane.ts";

let from: PassThrough;
let to: PassThrough;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  from = new PassThrough();
  to = new PassThrough({ highWaterMark: 1e6 });
  // A byte takes a millisecond.
  new Lane(from, to, { delayMs: 10, bytesPerSecond: 1000, openAt: performance.now() + 20 });
});
afterEach(() => vi.useRealTimers());

/** How many bytes have arrived when so much more time has gone by. */
async function arrivedAfter(ms: number): Promise<number> {
  await turn();
  await vi.advanceTimersByTimeAsync(ms);
  await turn();
  return to.readableLength;
}

describe("a lane", () => {
  it("hands bytes over when the line is open, has had them, and they have come all the way", async () => {
    from.write("12345");
    expect(await arrivedAfter(34)).toBe(0);
    expect(await arrivedAfter(1)).toBe(5);
  });

  it("sends what comes at once one after the other, and loses no time between", async () => {
    from.write(Buffer.alloc(100));
    await turn();
    from.write(Buffer.alloc(100));
    expect(await arrivedAfter(20 + 10 + 100)).toBe(100);
    expect(await arrivedAfter(99)).toBe(100);
    expect(await arrivedAfter(1)).toBe(200);
  });

  it("tells the end behind the last byte", async () => {
    from.end("12345");
    expect(await arrivedAfter(34)).toBe(0);
    expect(to.writableEnded).toBe(false);
    expect(await arrivedAfter(1)).toBe(5);
    expect(to.writableEnded).toBe(true);
  });

  it("reads no more than the line and a queue hold", async () => {
    const sent = 1_000_000;
    for (let at = 0; at < sent; at += 10_000) from.write(Buffer.alloc(10_000));
    expect(await arrivedAfter(0)).toBe(0);
    expect(from.isPaused()).toBe(true);
    expect(from.readableLength + from.writableLength).toBeGreaterThan(sent / 2);
    expect(await arrivedAfter(30 + sent)).toBe(sent);
  });
});
