import { describe, expect, test } from "vitest";
import {
  ageSeconds,
  isFresh,
  isGone,
  mayServeStale,
  ttlSeconds,
  type TagPolicy,
} from "../../../src/cache/manifests/freshness.ts";
import type { TagRow } from "../../../src/metadata/index.ts";

const minute = 60_000;
const now = Date.parse("2026-01-01T00:00:00Z");
const policy: TagPolicy = {
  freshForMs: minute,
  staleForMs: 10 * minute,
  staleAfterMs: 2000,
  absentForMs: 10_000,
  onGone: "drop",
  goneGraceMs: 5 * minute,
  onDenied: "refuse",
  cooldownMs: 0,
  cooldownMode: "enforce",
};

function rowGoneSince(goneSince: number | undefined): TagRow {
  return {
    manifest: undefined,
    pending: undefined,
    pendingSince: undefined,
    fetchedAt: 0,
    checkedAt: 0,
    firstSeen: 0,
    held: undefined,
    goneSince,
  };
}

describe("a stored answer", () => {
  test("is fresh for freshFor, to the millisecond", () => {
    expect(isFresh(now, policy, now)).toBe(true);
    expect(isFresh(now - minute + 1, policy, now)).toBe(true);
    expect(isFresh(now - minute, policy, now)).toBe(false);
  });

  test("is never fresh where freshFor is 0", () => {
    expect(isFresh(now, { ...policy, freshForMs: 0 }, now)).toBe(false);
  });

  test("may be served stale for staleFor after that, to the millisecond", () => {
    expect(mayServeStale(now - minute, policy, now)).toBe(true);
    expect(mayServeStale(now - 11 * minute + 1, policy, now)).toBe(true);
    expect(mayServeStale(now - 11 * minute, policy, now)).toBe(false);
  });

  test("may not be served stale where staleFor is 0", () => {
    expect(mayServeStale(now - minute, { ...policy, staleForMs: 0 }, now)).toBe(false);
  });

  test("has an age, and a time to live that turns negative", () => {
    expect([ageSeconds(now - 1999, now), ageSeconds(now - 2000, now)]).toEqual([1, 2]);
    expect(ttlSeconds(now, policy, now)).toBe(60);
    expect(ttlSeconds(now - 59_001, policy, now)).toBe(0);
    expect(ttlSeconds(now - 3 * minute, policy, now)).toBe(-120);
  });
});

describe("a stored answer that is dated in the future", () => {
  const future = now + 365 * 24 * 60 * minute;

  test("is expired: a clock that was set back must not make it fresh for years", () => {
    expect(isFresh(now + 1, policy, now)).toBe(false);
    expect(isFresh(future, policy, now)).toBe(false);
  });

  test("may be served stale while the upstream is down", () => {
    expect(mayServeStale(now + minute, policy, now)).toBe(true);
  });

  test("has the age 0, never a negative one", () => {
    expect(ageSeconds(future, now)).toBe(0);
  });

  test("has no time to live left, since it is expired", () => {
    expect(ttlSeconds(future, policy, now)).toBeLessThanOrEqual(0);
  });
});

describe("a tag that the origin says is gone", () => {
  test("is gone once the mark is as old as the grace, to the millisecond", () => {
    expect(isGone(rowGoneSince(now - policy.goneGraceMs), policy, now)).toBe(true);
    expect(isGone(rowGoneSince(now - policy.goneGraceMs + 1), policy, now)).toBe(false);
  });

  test("is not gone without a mark, with one dated in the future, or where such tags are kept", () => {
    expect(isGone(rowGoneSince(undefined), policy, now)).toBe(false);
    expect(isGone(rowGoneSince(now + 1), { ...policy, goneGraceMs: 0 }, now)).toBe(false);
    expect(isGone(rowGoneSince(0), { ...policy, onGone: "keep" }, now)).toBe(false);
  });
});
