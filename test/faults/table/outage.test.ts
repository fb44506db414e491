import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Reply } from "../../support/instance.ts";
import { errorOf } from "../../support/reply.ts";
import { temperaments as t } from "../../upstream/index.ts";
import {
  answerWithinMs,
  headerTimeoutMs,
  openForMs,
  openOutageBench,
  outageName,
  type OutageBench,
} from "./outage-bench.ts";
import { outages } from "./outage-rows.ts";

let bench: OutageBench;

beforeEach(async () => {
  bench = await openOutageBench();
});

afterEach(() => bench.close());

/** The upstream has just said that it is so. */
const confirmed = /^entrepot; hit; ttl=(?:60|5\d)$/;

/** Milliseconds on the injected clock from the request to the end of its answer. */
async function timed(path: string): Promise<{ reply: Reply; tookMs: number }> {
  const askedAt = bench.clock.now();
  const reply = await bench.instance.ask(path);
  return { reply, tookMs: bench.clock.now() - askedAt };
}

function breakers(): Promise<number> {
  return bench.instance.metric("entrepot_upstream_breaker_open", { upstream: outageName });
}

function requests(): Promise<number> {
  return bench.instance.metric("entrepot_upstream_requests_total", { upstream: outageName });
}

/** What is stored is served, flagged, within `withinMs`. */
async function expectStale(repository: string, withinMs: number): Promise<void> {
  const { reply, tookMs } = await timed(bench.path(repository));
  expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, bench.digests.get(repository)]);
  expect(reply.headers["cache-status"]).toMatch(/^entrepot; hit; ttl=-\d+; detail=stale-upstream-[a-z-]+$/);
  expect(tookMs).toBeLessThan(withinMs);
}

describe.each(outages)("an upstream that $title", ({ status, said, begin, end }) => {
  it("costs no cached pull, is told of in time, and is left alone until it is back", async () => {
    const { clock, repositories, path } = bench;
    await begin(bench);
    clock.skip(61_000);
    const absent = await timed(path("absent/one"));
    expect([absent.reply.status, errorOf(absent.reply).code]).toEqual([status, "UNAVAILABLE"]);
    expect(errorOf(absent.reply).detail).toMatchObject({
      upstream: outageName,
      said: expect.stringMatching(said) as string,
    });
    // The second more is for a machine that has much to do.
    expect(absent.tookMs).toBeLessThan(answerWithinMs + 1000);
    for (const repository of repositories) await expectStale(repository, answerWithinMs + 1000);

    expect(await breakers()).toBe(1);
    const before = await requests();
    for (const repository of repositories) await expectStale(repository, headerTimeoutMs);
    const refused = await timed(path("absent/two"));
    expect([refused.reply.status, refused.reply.headers["retry-after"]]).toEqual([502, expect.stringMatching(/^\d+$/)]);
    expect(errorOf(refused.reply).detail?.["said"]).toContain("the breaker is open");
    expect(refused.tookMs).toBeLessThan(headerTimeoutMs);
    expect(await requests()).toBe(before);

    await end(bench);
    clock.skip(openForMs + 1000);
    // The next question is the probe; whoever asks it does not wait for it, and is served either way.
    expect((await timed(path(repositories[0] ?? ""))).reply.status).toBe(200);
    await expect.poll(breakers).toBe(0);
    for (const repository of repositories) {
      expect((await timed(path(repository))).reply.headers["cache-status"]).toMatch(confirmed);
    }
  });
});

describe("an upstream that fails every other request", () => {
  it("costs time, but no pull, and opens no breaker", async () => {
    const { upstream, path, instance } = bench;
    let turn = 0;
    upstream.misbehave({ on: "any", when: () => (turn += 1) % 2 === 1, temperament: t.status(503) });
    for (const repository of ["flapping/one", "flapping/two", "flapping/three", "flapping/four"]) {
      const image = upstream.pushImage(repository, "1");
      const { reply, tookMs } = await timed(path(repository));
      expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, image.digest]);
      expect(tookMs).toBeLessThan(answerWithinMs + 1000);
    }
    expect(await breakers()).toBe(0);
    expect(await instance.metric("entrepot_upstream_retries_total", { upstream: outageName })).toBe(4);
  });
});

describe.each([
  { form: "seconds", limit: () => t.rateLimited(60) },
  { form: "a date", limit: (now: number) => t.rateLimited(new Date(now + 60_000)) },
])("an upstream that limits the rate of requests for a minute, in $form", ({ limit }) => {
  it("is not asked until then, and is right again when it has recovered", async () => {
    const { upstream, clock, path, repositories } = bench;
    clock.skip(61_000);
    upstream.misbehave({ on: "any", temperament: limit(clock.now()) });
    upstream.requests.clear();
    const first = await timed(path("absent/one"));
    expect([first.reply.status, errorOf(first.reply).code]).toEqual([503, "TOOMANYREQUESTS"]);
    expect(Number(first.reply.headers["retry-after"])).toBeGreaterThan(50);
    const second = await timed(path("absent/two"));
    expect([second.reply.status, errorOf(second.reply).code]).toEqual([503, "TOOMANYREQUESTS"]);
    for (const repository of repositories) await expectStale(repository, answerWithinMs);
    // One GET and one HEAD have been limited: registries count them apart.
    expect(upstream.requests.count()).toBe(2);
    expect([first.tookMs, second.tookMs].every((ms) => ms < answerWithinMs)).toBe(true);
    upstream.behave();
    clock.skip(61_000);
    for (const repository of repositories) {
      expect((await timed(path(repository))).reply.headers["cache-status"]).toMatch(confirmed);
    }
    expect(await breakers()).toBe(0);
  });
});
