import { describe, expect, it, onTestFinished } from "vitest";

import { seededBytes, startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  return registry;
}

describe("a question that fails", () => {
  it.each([
    ["a reset", temperaments.reset()],
    ["half a body", temperaments.truncate(10)],
    ["500", temperaments.status(500)],
    ["502", temperaments.status(502)],
    ["503", temperaments.status(503)],
    ["504", temperaments.status(504)],
  ])("with %s is asked again, after a wait with jitter that doubles", async (_, temperament) => {
    const registry = await start();
    const image = registry.pushImage(app, "1");
    registry.misbehave({ on: "manifest-tag", times: 3, temperament });
    const { upstream, delays, reports } = connect(registry.url);
    expect((await upstream.getManifest(app, tagged("1"), unhurried()))?.bytes).toEqual(image.manifest);
    expect([delays.length, reports.retries]).toEqual([3, 3]);
    delays.forEach((ms, nth) => expect(ms).toBeLessThanOrEqual(200 * 2 ** nth));
  });

  it.each([
    ["a 401", temperaments.unauthorized(), 1],
    ["a 403", temperaments.denied(), 1],
    ["a 404", temperaments.status(404), 1],
    ["a 400", temperaments.status(400), 1],
    ["a 501", temperaments.status(501), 1],
    ["a web page", temperaments.htmlPage(), 1],
    ["a 429 that does not say for how long", temperaments.rateLimited(), 1],
    ["a 429 for a minute", temperaments.rateLimited(60), 1],
    ["silence", temperaments.silent(), 1],
    ["no HTTP", temperaments.garbage(), 1],
  ])("with %s is not asked again", async (_, temperament, requests) => {
    const registry = await start();
    registry.misbehave({ on: "manifest-tag", temperament });
    const { upstream, delays } = connect(registry.url, { limits: { headerTimeoutMs: 200 } });
    await upstream.getManifest(app, tagged("1"), unhurried()).catch(() => undefined);
    expect([registry.requests.count(), delays]).toEqual([requests, []]);
  });

  it.each([
    ["seconds", 429, () => temperaments.rateLimited(3)],
    ["a date", 429, (now: number) => temperaments.rateLimited(new Date(now + 3000))],
    ["seconds", 503, () => temperaments.status(503, "", "text/plain", { "retry-after": "3" })],
  ])("and is told in %s when to come back (%d) is asked again then", async (_form, _status, temperament) => {
    const registry = await start();
    registry.pushImage(app, "1");
    const { upstream, delays, now } = connect(registry.url);
    registry.misbehave({ on: "manifest-tag", times: 1, temperament: temperament(now()) });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(registry.requests.count()).toBe(2);
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeGreaterThanOrEqual(2000);
    expect(delays[0]).toBeLessThanOrEqual(4000);
  });

  it("is given up with its own failure where the next wait would end behind the deadline", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", temperament: temperaments.status(503) });
    const { upstream, delays, now } = connect(registry.url, { limits: { attempts: 100 } });
    const deadlineAt = now() + 10_000;
    const error = await failureOf(upstream.getManifest(app, tagged("1"), { ...unhurried(), deadlineAt }));
    expect(error).toMatchObject({ kind: "bad-response", status: 503 });
    expect(delays.length).toBeGreaterThan(2);
    expect(now()).toBeLessThan(deadlineAt);
  });

  it("is given up with the last failure where the deadline comes while it is asked again", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", times: 1, temperament: temperaments.status(503) });
    registry.misbehave({ on: "any", temperament: temperaments.silent() });
    const { upstream, now, skip } = connect(registry.url);
    const controller = new AbortController();
    const deadlineAt = now() + 10_000;
    const asked = failureOf(upstream.getManifest(app, tagged("1"), { signal: controller.signal, deadlineAt }));
    await registry.requests.waitFor({ kind: "manifest-tag" }, 2);
    skip(10_000);
    controller.abort(new Error("too late"));
    expect(await asked).toMatchObject({ kind: "bad-response", status: 503 });
  });

  it("is not asked again for a caller in a hurry", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", temperament: temperaments.status(503) });
    const { upstream, delays } = connect(registry.url);
    await failureOf(upstream.headManifest(app, tagged("1"), { ...unhurried(), isHurried: true }));
    expect([registry.requests.count(), delays]).toEqual([1, []]);
  });

  it("is asked of the other endpoints first, and then again of all", async () => {
    const [origin, mirror] = [await start(), await start()];
    const image = origin.pushImage(app, "1");
    origin.misbehave({ on: "any", times: 1, temperament: temperaments.status(503) });
    mirror.misbehave({ on: "any", temperament: temperaments.reset() });
    const { upstream, delays } = connect([origin.url, mirror.url]);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({
      digest: image.digest,
      isFromOrigin: true,
    });
    expect([origin.requests.count(), mirror.requests.count(), delays.length]).toEqual([2, 1, 1]);
  });

  it("because of its token is asked again, token and all", async () => {
    const registry = await start({ auth: { kind: "bearer" } });
    registry.pushImage(app, "1");
    registry.misbehave({ on: "token", times: 2, temperament: temperaments.status(500) });
    const { upstream, reports } = connect(registry.url);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.tokens).toEqual([500, 500, 200]);
  });

  it("is asked again whatever it is about: tags, referrers, a proof, the beginning of a blob", async () => {
    const registry = await start();
    const { digest } = registry.pushImage(app, "1");
    const blob = registry.pushBlob(app, seededBytes("a", 100));
    const { upstream } = connect(registry.url);
    const asks = [
      () => upstream.listTags(app, unhurried()),
      () => upstream.listReferrers(app, digest, unhurried()),
      () => upstream.proveBlob(app, blob, unhurried()),
      () => upstream.openBlob(app, blob, { from: 0 }, unhurried()),
    ];
    for (const ask of asks) {
      registry.misbehave({ on: "any", times: 1, temperament: temperaments.status(502) });
      registry.requests.clear();
      expect(await ask()).toBeDefined();
      expect(registry.requests.count()).toBe(2);
    }
  });
});

describe("an upstream that fails every other time", () => {
  it("costs a second request each, and no answer", async () => {
    const registry = await start();
    registry.pushImage(app, "1");
    let turn = 0;
    registry.misbehave({ on: "any", when: () => (turn += 1) % 2 === 1, temperament: temperaments.reset() });
    const { upstream, reports } = connect(registry.url);
    for (let each = 0; each < 10; each += 1) {
      expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    }
    expect([registry.requests.count(), reports.breakers]).toEqual([20, []]);
  });
});

describe("what has been given up", () => {
  it("is not asked for again for a second, by repository and kind of question", async () => {
    const registry = await start();
    const { digest } = registry.pushImage(app, "1");
    registry.pushImage("team/other", "1");
    registry.misbehave({ on: "manifest-tag", repository: app, temperament: temperaments.silent() });
    const { upstream, skip } = connect(registry.url, { limits: { headerTimeoutMs: 200 } });
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({ kind: "timeout" });
    registry.requests.clear();
    registry.behave();
    const error = await failureOf(upstream.getManifest(app, tagged("2"), unhurried()));
    expect(error).toMatchObject({ kind: "timeout", isRecalled: true });
    expect(error.message).toContain("a moment ago");
    expect(registry.requests.count()).toBe(0);
    expect(await upstream.getManifest(app, { kind: "digest", digest }, unhurried())).toBeDefined();
    expect(await upstream.getManifest(repositoryName("team/other"), tagged("1"), unhurried())).toBeDefined();
    skip(1000);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
  });
});
