import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createBandwidth } from "../../../src/upstream/bandwidth.ts";
import { seededBytes, startUpstream } from "../../upstream/index.ts";
import { connect, readAll, repositoryName, unhurried } from "./fixture.ts";

const { signal } = new AbortController();

/** A clock on which waiting takes no time of ours. */
function virtualTime() {
  const time = { at: 0, waited: [] as number[] };
  const delay = (ms: number): Promise<void> => {
    time.waited.push(ms);
    return Promise.resolve();
  };
  return { time, options: { now: () => time.at, delay } };
}

describe("a cap on bandwidth", () => {
  it("of 0 is none", async () => {
    const { time, options } = virtualTime();
    await createBandwidth(0, options).take(10 ** 12, signal);
    expect(time.waited).toEqual([]);
  });

  it("makes whoever comes while there is a debt wait until it is paid", async () => {
    const { time, options } = virtualTime();
    const bandwidth = createBandwidth(1000, options);
    for (const bytes of [100, 500, 500]) await bandwidth.take(bytes, signal);
    expect(time.waited).toEqual([500, 1000]);
    time.at = 600;
    await bandwidth.take(100, signal);
    expect(time.waited.at(-1)).toBe(500);
  });

  it("gives nothing for a long pause but a short burst", async () => {
    const { time, options } = virtualTime();
    const bandwidth = createBandwidth(1000, options);
    time.at = 3_600_000;
    for (const bytes of [100, 100]) await bandwidth.take(bytes, signal);
    expect(time.waited).toEqual([100]);
  });

  it("is never exceeded by more than the burst, whoever takes how much at what time", async () => {
    const takes = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 65_536 }), afterMs: fc.nat(200) }));
    await fc.assert(
      fc.asyncProperty(takes, fc.integer({ min: 1000, max: 10 ** 7 }), async (wanted, rate) => {
        const { time, options } = virtualTime();
        const bandwidth = createBandwidth(rate, options);
        let total = 0;
        let handedOnAt = 0;
        for (const { bytes, afterMs } of wanted) {
          time.at += afterMs;
          const before = time.waited.length;
          await bandwidth.take(bytes, signal);
          total += bytes;
          const waited = time.waited.length > before ? (time.waited.at(-1) ?? 0) : 0;
          handedOnAt = Math.max(handedOnAt, time.at + waited);
          expect(total).toBeLessThanOrEqual(((handedOnAt + 100) / 1000) * rate + 1);
        }
      }),
    );
  });

  it("does not hold anybody up for longer when the clock is set back", async () => {
    const { time, options } = virtualTime();
    time.at = 10 ** 9;
    const bandwidth = createBandwidth(1000, options);
    await bandwidth.take(1100, signal);
    time.at = 0;
    await bandwidth.take(100, signal);
    expect(time.waited).toEqual([1000, 1100]);
  });

  it("holds for all downloads of an upstream together", async () => {
    const registry = await startUpstream();
    try {
      const app = repositoryName("team/app");
      const blobs = ["a", "b"].map((name) => registry.pushBlob(app, seededBytes(name, 200_000)));
      const { upstream, now } = connect(registry.url, { bandwidthBytesPerSecond: 100_000 });
      const startedAt = now();
      const bodies = await Promise.all(blobs.map((blob) => upstream.openBlob(app, blob, { from: 0 }, unhurried())));
      const read = await Promise.all(bodies.map((body) => readAll(body?.chunks ?? fail())));
      expect(read.map(({ length }) => length)).toEqual([200_000, 200_000]);
      expect(now() - startedAt).toBeGreaterThanOrEqual(3900);
    } finally {
      await registry.close();
    }
  });
});

function fail(): never {
  throw new Error("no body");
}
