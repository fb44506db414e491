import { describe, expect, it } from "vitest";

import { createRateLimits } from "../../../../src/upstream/hosts/rate-limits.ts";

describe("a limit that a host has told", () => {
  it("holds for what it was told about, until it was said to end", () => {
    const limits = createRateLimits();
    limits.limited("manifests", 60, 0);
    expect([limits.remaining("manifests", 0), limits.remaining("manifests", 30_500)]).toEqual([60, 30]);
    expect(limits.remaining("manifests", 60_000)).toBeUndefined();
    expect([limits.remaining("manifest heads", 0), limits.remaining("blobs", 0)]).toEqual([undefined, undefined]);
  });

  it("holds for a few seconds where it was not said for how long, and for an hour at most", () => {
    const limits = createRateLimits();
    limits.limited("blobs", undefined, 0);
    expect([limits.remaining("blobs", 4000), limits.remaining("blobs", 5000)]).toEqual([1, undefined]);
    limits.limited("lists", 10 ** 9, 0);
    expect([limits.remaining("lists", 3_599_000), limits.remaining("lists", 3_600_000)]).toEqual([1, undefined]);
  });

  it("ends when the clock is set back", () => {
    const limits = createRateLimits();
    limits.limited("blobs", 10, 1_000_000);
    expect(limits.remaining("blobs", 0)).toBeUndefined();
  });
});
