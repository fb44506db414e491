import { describe, expect, it } from "vitest";
import type { Quota } from "../../../src/upstream/index.ts";
import { createQuotaLedger, type QuotaLedger } from "../../../src/upstream/quota-ledger.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startUpstream, temperaments } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const hour = 3_600_000;
const demo = repositoryName("library/demo");
const hub = (remaining: number, source = "192.0.2.1"): Record<string, string> => ({
  "ratelimit-limit": "100;w=21600",
  "ratelimit-remaining": `${remaining};w=21600`,
  "docker-ratelimit-source": source,
});

interface Ledger {
  ledger: QuotaLedger;
  clock: ManualClock;
  crossings: boolean[];
  answer: (headers: Record<string, string>, status?: number, method?: "GET" | "HEAD") => Quota;
}

function openLedger(keepBack = 0.1): Ledger {
  const clock = new ManualClock();
  const crossings: boolean[] = [];
  const ledger = createQuotaLedger({
    keepBack,
    now: () => clock.now(),
    onCounted: () => undefined,
    onCrossed: ({ isLow }) => crossings.push(isLow),
  });
  return {
    ...{ ledger, clock, crossings },
    answer(headers, status = 200, method = "HEAD") {
      const sent = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]));
      ledger.note({ kind: "manifest_tag", method }, { status, headers: sent });
      return ledger.read();
    },
  };
}

describe("the quota of an upstream", () => {
  it("is read from every answer of its origin, a HEAD's and a 429's too, and pulls are counted", async () => {
    const registry = await startUpstream({});
    registry.pushImage("library/demo", "1");
    const { upstream, reports } = connect(registry.url);
    const say = (remaining: number): { stop: () => void } =>
      registry.misbehave({ on: "manifest-tag", temperament: temperaments.headers(hub(remaining)) });
    const known = say(76);
    await upstream.headManifest(demo, tagged("1"), unhurried());
    expect(upstream.quota()).toMatchObject({
      ...{ limit: 100, remaining: 76, windowSeconds: 21_600, source: "192.0.2.1", isLow: false, countedGets: 0 },
      resetAt: expect.any(Number) as number,
    });
    known.stop();
    say(75);
    await upstream.getManifest(demo, tagged("1"), unhurried());
    expect(upstream.quota()).toMatchObject({ remaining: 75, countedGets: 1 });
    registry.behave();
    const refusal = { ...hub(0), "retry-after": "30" };
    const limited = temperaments.status(429, "", "text/plain", refusal);
    registry.misbehave({ on: "manifest-tag", temperament: limited });
    await failureOf(upstream.getManifest(demo, tagged("1"), unhurried()));
    expect(upstream.quota()).toMatchObject({ remaining: 0, isLow: true, countedGets: 1 });
    expect(upstream.quota().limitedUntil).toBeGreaterThan(Date.now());
    expect([reports.pulls, reports.quota]).toEqual([1, ["low"]]);
    await registry.close();
  });

  it("of a mirror, or of where a redirect leads, is not the origin's", async () => {
    const [origin, mirror] = await Promise.all([startUpstream({}), startUpstream({})]);
    for (const registry of [origin, mirror]) registry.pushImage("library/demo", "1");
    origin.misbehave({ on: "any", temperament: temperaments.status(500) });
    mirror.misbehave({ on: "any", temperament: temperaments.headers(hub(3)) });
    const { upstream } = connect([origin.url, mirror.url]);
    expect(await upstream.headManifest(demo, tagged("1"), unhurried())).toMatchObject({ isFromOrigin: false });
    expect(upstream.quota()).toMatchObject({ limit: undefined, remaining: undefined, isLow: false });
    await Promise.all([origin.close(), mirror.close()]);
  });

  it("is low below the share that is kept back, and each crossing is told once", () => {
    const { answer, crossings } = openLedger();
    expect([11, 10, 9, 8].map((remaining) => answer(hub(remaining)).isLow)).toEqual([false, false, true, true]);
    expect(answer(hub(100)).isLow).toBe(false);
    expect(crossings).toEqual([true, false]);
  });

  it("is never low by what remains where nothing is kept back", () => {
    expect(openLedger(0).answer(hub(0)).isLow).toBe(false);
  });

  it("is not known any more when its window has passed", () => {
    const { ledger, answer, clock } = openLedger();
    const { resetAt } = answer(hub(5));
    clock.advance(3 * hour);
    expect(answer(hub(4)).resetAt).toBe(resetAt);
    clock.advance(3 * hour);
    expect(ledger.read()).toMatchObject({ limit: 100, remaining: undefined, resetAt: undefined, isLow: false });
  });

  it.each([
    ["more remains than before", hub(90)],
    ["another source is counted", hub(5, "5f7c1c0e")],
    ["the limit is another one", { "ratelimit-limit": "200;w=21600", "ratelimit-remaining": "5;w=21600" }],
  ])("has a window of its own when %s", (_, headers) => {
    const { answer, clock } = openLedger();
    const { resetAt } = answer(hub(5));
    clock.advance(hour);
    expect(answer(headers).resetAt).toBe((resetAt ?? 0) + hour);
  });

  it("is unlimited where a manifest comes without a word of it; refusals and absences say nothing", () => {
    const { answer } = openLedger();
    answer(hub(5));
    for (const status of [401, 404, 500]) expect(answer({}, status)).toMatchObject({ remaining: 5, isLow: true });
    expect(answer({})).toMatchObject({ limit: undefined, remaining: undefined, source: undefined, isLow: false });
  });

  it.each([
    ["seconds", "120", 120_000],
    ["a date", "Thu, 01 Jan 2026 00:05:00 GMT", 300_000],
  ])("is low after a 429 until the time that it names in %s, however much remains", (_, retryAfter, ms) => {
    const { ledger, answer, clock } = openLedger();
    answer({ "retry-after": retryAfter }, 429);
    expect(answer(hub(90))).toMatchObject({ isLow: true, limitedUntil: clock.now() + ms });
    clock.advance(ms);
    expect(ledger.read()).toMatchObject({ isLow: false, limitedUntil: undefined });
  });

  it("is low after a 429 without a time until the window has passed, or something remains again", () => {
    const { ledger, answer, clock } = openLedger(0);
    const { limitedUntil, resetAt } = answer(hub(0), 429);
    expect(limitedUntil).toBe(resetAt);
    expect(answer(hub(0)).isLow).toBe(true);
    expect(answer(hub(1)).isLow).toBe(false);
    answer({}, 429);
    clock.advance(6 * hour);
    expect(ledger.read().isLow).toBe(false);
  });

  it("is not low any more once a manifest has been fetched", () => {
    const { answer } = openLedger();
    answer({ "retry-after": "3600" }, 429);
    expect(answer({}, 200, "GET")).toMatchObject({ isLow: false, countedGets: 1 });
  });

  it.each([
    ["100", "50", { limit: 100, remaining: 50, windowSeconds: undefined, resetAt: undefined }],
    ["100, 100;w=60", "50", { limit: 100, remaining: 50 }],
    ["many", "50", { limit: undefined }],
    ["100;w=60", "-1", { limit: undefined }],
  ])("is read from ratelimit-limit: %s and ratelimit-remaining: %s", (limit, remaining, expected) => {
    const { answer } = openLedger();
    expect(answer({ "ratelimit-limit": limit, "ratelimit-remaining": remaining })).toMatchObject(expected);
  });
});
