import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { BodyBroken, type BlobReader } from "../../../src/cache/index.ts";
import { sendBody } from "../../../src/registry/send-body.ts";
import { readerOf, takingIn } from "./fake-response.ts";

const KiB = 1024;
const limits = { idleTimeoutMs: 120_000, minRateBytesPerSecond: KiB };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Sending {
  /** Sizes of the reads. */
  asked: number[];
  sent: number;
  /** Undefined while it goes on; "whole", or why it was broken off. */
  end: string | undefined;
}

/** Sends `size` bytes to a client that takes `count` bytes in `ms(count, sent)`. */
function start(size: number, ms: (count: number, sent: number) => number): Sending {
  const reader = readerOf(Buffer.alloc(size));
  const sending: Sending = { asked: reader.asked, sent: 0, end: undefined };
  const { response } = takingIn((count) => ms(count, sending.sent));
  void sendBody(response.asResponse(), reader, { start: 0, end: size }, limits, (count) => {
    sending.sent += count;
  }).then(
    () => (sending.end = "whole"),
    (error: unknown) => (sending.end = error instanceof BodyBroken ? `${error.kind}: ${error.message}` : String(error)),
  );
  return sending;
}

/** The time a client of this rate takes. */
function at(bytesPerSecond: number): (count: number) => number {
  return (count) => (count / bytesPerSecond) * 1000;
}

describe("the memory of a body", () => {
  test("begins at 32 KiB and grows to 512 KiB, not more, for a client that takes it at once", async () => {
    const sending = start(8 * KiB * KiB, () => 0);
    await vi.runAllTimersAsync();
    expect(sending.asked[0]).toBe(32 * KiB);
    expect(sending.asked.slice(0, -1)).toEqual(sending.asked.slice(0, -1).sort((a, b) => a - b));
    expect(Math.max(...sending.asked)).toBe(512 * KiB);
    expect(sending.end).toBe("whole");
  });

  test("stays at 32 KiB for a slow client", async () => {
    const sending = start(KiB * KiB, at(100 * KiB));
    await vi.runAllTimersAsync();
    expect(new Set(sending.asked)).toEqual(new Set([32 * KiB]));
    expect(sending.end).toBe("whole");
  });

  test("shrinks to 32 KiB again for a client that becomes slow", async () => {
    const sending = start(16 * KiB * KiB, (count, sent) => (sent < 4 * KiB * KiB ? 0 : at(500 * KiB)(count)));
    await vi.runAllTimersAsync();
    expect(Math.max(...sending.asked)).toBe(512 * KiB);
    expect(sending.asked.at(-1)).toBe(32 * KiB);
    expect(sending.end).toBe("whole");
  });
});

/** As the kernel does it for a client behind it: nothing for long, then much at once. */
describe("the memory of a body for a client that was slow", () => {
  test("stays small while it takes 2 MiB at once and then rests", async () => {
    const burst = 2 * KiB * KiB;
    let next = burst;
    const sending = start(16 * KiB * KiB, (_, sent) => {
      if (sent < next) return 0;
      next += burst;
      return 4000;
    });
    await vi.runAllTimersAsync();
    expect(sending.end).toBe("whole");
    const slowFrom = sending.asked.findLastIndex((count) => count > 32 * KiB) + 1;
    expect(sum(sending.asked.slice(0, slowFrom))).toBeLessThan(2 * burst);
  });

  test("grows again once it has taken 8 MiB without a rest", async () => {
    const sending = start(32 * KiB * KiB, (_, sent) => (sent === 0 ? 4000 : 0));
    await vi.runAllTimersAsync();
    const grown = sending.asked.findIndex((count) => count > 32 * KiB);
    expect(sum(sending.asked.slice(0, grown))).toBe(8 * KiB * KiB + 32 * KiB);
  });
});

describe("a client", () => {
  test("that takes nothing for the idle timeout is dropped, not sooner", async () => {
    const sending = start(KiB, () => 2_000_000_000);
    await vi.advanceTimersByTimeAsync(limits.idleTimeoutMs - 1);
    expect(sending.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(sending.end).toMatch(/^closed: .*takes no bytes/);
  });

  test("that is given nothing for longer than the idle timeout is not dropped for it, and still is for what it leaves", async () => {
    const bytes = readerOf(Buffer.alloc(64 * KiB));
    const late = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2 * limits.idleTimeoutMs));
    const reader: BlobReader = {
      ...bytes,
      read: (buffer, position, length) => late().then(() => bytes.read(buffer, position, length)),
    };
    let writes = 0;
    const { response } = takingIn(() => (++writes === 1 ? 0 : 2_000_000_000));
    let end = "";
    void sendBody(response.asResponse(), reader, { start: 0, end: 64 * KiB }, limits, () => undefined).catch(
      (error: unknown) => (end = String(error)),
    );
    await vi.advanceTimersByTimeAsync(4 * limits.idleTimeoutMs);
    expect([writes, end]).toEqual([2, ""]);
    await vi.advanceTimersByTimeAsync(limits.idleTimeoutMs);
    expect(end).toMatch(/takes no bytes/);
  });

  test("that takes less than minRate over five minutes is dropped", async () => {
    const sending = start(KiB * KiB, at(KiB - 100));
    await vi.advanceTimersByTimeAsync(6 * 60_000);
    expect(sending.end).toMatch(/^closed: .*minRate/);
  });

  test("that takes a little more than minRate may take hours", async () => {
    const sending = start(5 * KiB * KiB, at(KiB + 100));
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    expect(sending.end).toBeUndefined();
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    expect(sending.end).toBe("whole");
  });

  test("that was quick and now takes four times minRate is not taken for one that takes nothing", async () => {
    const sending = start(8 * KiB * KiB, (count, sent) => (sent < 4 * KiB * KiB ? 0 : at(4 * KiB)(count)));
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    expect(sending.end).toBe("whole");
  });
});

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
