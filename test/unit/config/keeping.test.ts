import { describe, expect, it } from "vitest";
import { faultsOf, load } from "./config-file.ts";

describe("the watermarks", () => {
  it("are shares of the budget", () => {
    expect(load("storage: { highWatermark: 80%, lowWatermark: 62.5% }").storage).toMatchObject({
      highWatermark: 0.8,
      lowWatermark: 0.625,
    });
    expect(load("storage: { highWatermark: 100% }").storage).toMatchObject({ highWatermark: 1, lowWatermark: 0.9 });
  });

  it.each(["10GiB", "0.9", "101%", "high"])("are never %s", (value) => {
    expect(faultsOf(`storage: { highWatermark: ${value}, lowWatermark: ${value} }`)).toEqual([
      { path: "storage.highWatermark", message: `must be a share such as 90%, not "${value}"` },
      { path: "storage.lowWatermark", message: `must be a share such as 90%, not "${value}"` },
    ]);
  });

  it.each([
    ["{ highWatermark: 80%, lowWatermark: 85% }", "80%", "85%"],
    ["{ highWatermark: 57%, lowWatermark: 57% }", "57%", "57%"],
    ["{ highWatermark: 90% }", "90%", "90%"],
    ["{ highWatermark: 0% }", "0%", "90%"],
    ["{ lowWatermark: 96% }", "95%", "96%"],
  ])("are the right way round, be they written or the defaults: not %s", (storage, high, low) => {
    expect(faultsOf(`storage: ${storage}`)).toEqual([
      {
        path: "storage.lowWatermark",
        message: `must be below storage.highWatermark, which is ${high}, not ${low}`,
      },
    ]);
  });
});

describe("what is kept, and how it is checked", () => {
  it("is read from the file", () => {
    const settings = load(`
eviction: { leaseFor: 30d, orphanGrace: 0 }
scrub: { every: 90d, rate: 1048576, verifyOnRead: always }`);
    expect(settings.eviction).toEqual({ leaseForMs: 2_592_000_000, orphanGraceMs: 0 });
    expect(settings.scrub).toEqual({
      everyMs: 7_776_000_000,
      rateBytesPerSecond: 1_048_576,
      verifyOnRead: "always",
    });
  });

  it("is read from the environment", () => {
    const settings = load("", {
      ENTREPOT_STORAGE_HIGH_WATERMARK: "70%",
      ENTREPOT_STORAGE_LOW_WATERMARK: "60%",
      ENTREPOT_EVICTION_LEASE_FOR: "1m",
      ENTREPOT_EVICTION_ORPHAN_GRACE: "2h",
      ENTREPOT_SCRUB_EVERY: "0",
      ENTREPOT_SCRUB_RATE: "5MB/s",
      ENTREPOT_SCRUB_VERIFY_ON_READ: "never",
    });
    expect(settings.storage).toMatchObject({ highWatermark: 0.7, lowWatermark: 0.6 });
    expect(settings.eviction).toEqual({ leaseForMs: 60_000, orphanGraceMs: 7_200_000 });
    expect(settings.scrub).toEqual({ everyMs: 0, rateBytesPerSecond: 5_000_000, verifyOnRead: "never" });
  });

  it.each([
    ["eviction: { leaseFor: 15 }", "eviction.leaseFor", 'a duration with its unit such as 30s, 5m or 1d, not "15"'],
    ["eviction: { orphanGrace: -1s }", "eviction.orphanGrace", /^must be a duration/],
    ["scrub: { every: monthly }", "scrub.every", /^must be a duration/],
    ["scrub: { rate: 0 }", "scrub.rate", 'a rate above 0 such as 50MiB/s, not "0"'],
    ["scrub: { rate: fast }", "scrub.rate", 'a rate above 0 such as 50MiB/s, not "fast"'],
    ["scrub: { verifyOnRead: sometimes }", "scrub.verifyOnRead", 'one of always, stale, never, not "sometimes"'],
  ])("refuses %s", (yaml, path, words) => {
    expect(faultsOf(yaml)).toEqual([
      { path, message: typeof words === "string" ? `must be ${words}` : (expect.stringMatching(words) as string) },
    ]);
  });
});
