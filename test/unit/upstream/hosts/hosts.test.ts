import { describe, expect, it, onTestFinished } from "vitest";

import { createGate, seededBytes, startUpstream, temperaments, type UpstreamOptions } from "../../../upstream/index.ts";
import { connect, failureOf, readAll, repositoryName, tagged, unhurried } from "../fixture.ts";

const [one, two, three] = ["team/one", "team/two", "team/three"].map(repositoryName) as [
  ReturnType<typeof repositoryName>,
  ReturnType<typeof repositoryName>,
  ReturnType<typeof repositoryName>,
];

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  for (const repository of [one, two, three]) registry.pushImage(repository, "1");
  return registry;
}

/** With its port. */
function hostOf(url: string): string {
  return new URL(url).host;
}

const hurried = { ...unhurried(), isHurried: true };

describe("a host that fails for three repositories", () => {
  it.each([
    ["answers 503", temperaments.status(503)],
    ["is silent", temperaments.silent()],
    ["resets", temperaments.reset()],
  ])("because it %s is not asked until its time is over, and says so", async (_, temperament) => {
    const registry = await start();
    registry.misbehave({ on: "any", temperament });
    const { upstream, reports, skip } = connect(registry.url, { limits: { headerTimeoutMs: 200 } });
    for (const name of [one, two, three]) await failureOf(upstream.headManifest(name, tagged("1"), hurried));
    expect(reports.breakers).toEqual([`${hostOf(registry.url)} open`]);
    registry.requests.clear();
    registry.behave();
    const error = await failureOf(upstream.listTags(one, hurried));
    expect(error).toMatchObject({ kind: "unreachable", isRecalled: true });
    expect(error.retryAfter).toBeGreaterThan(20);
    expect(error.message).toMatch(/the breaker is open since \d{4}-.+, and nothing is asked before \d{4}-/);
    expect(registry.requests.count()).toBe(0);
    skip(30_000);
    expect(await upstream.headManifest(one, tagged("1"), hurried)).toBeDefined();
    expect(reports.breakers).toEqual([`${hostOf(registry.url)} open`, `${hostOf(registry.url)} closed`]);
  });

  it("is probed by one request alone, and left alone again when that fails", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", temperament: temperaments.status(503) });
    const { upstream, skip } = connect(registry.url);
    for (const name of [one, two, three]) await failureOf(upstream.headManifest(name, tagged("1"), hurried));
    skip(30_000);
    registry.requests.clear();
    const crowd = [one, two, three, one, two, three];
    const errors = await Promise.all(crowd.map((name) => failureOf(upstream.headManifest(name, tagged("1"), hurried))));
    expect(registry.requests.count()).toBe(1);
    expect(errors.filter(({ isRecalled }) => isRecalled)).toHaveLength(5);
  });

  it("is told from its CDN", async () => {
    const registry = await start({ redirect: {} });
    registry.misbehave({ on: "cdn", temperament: temperaments.status(503) });
    const { upstream, reports } = connect(registry.url);
    for (const name of [one, two, three]) {
      const blob = registry.pushBlob(name, "a");
      await failureOf(upstream.openBlob(name, blob, { from: 0 }, hurried));
    }
    expect(reports.breakers).toEqual([`${hostOf(registry.cdn.url)} open`]);
    expect(await upstream.headManifest(one, tagged("1"), hurried)).toBeDefined();
  });

  it("is told from its mirror and its token service", async () => {
    const [origin, mirror] = [await start({ tokenServer: "separate", auth: { kind: "bearer" } }), await start()];
    origin.misbehave({ on: "token", temperament: temperaments.status(503) });
    const { upstream, reports } = connect([origin.url, mirror.url]);
    for (const name of [one, two, three]) {
      expect(await upstream.headManifest(name, tagged("1"), hurried)).toMatchObject({ isFromOrigin: false });
    }
    expect(reports.breakers).toEqual([`${hostOf(origin.site("token").url)} open`]);
  });

  it("opens nothing where others are answered in between", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", repository: one, temperament: temperaments.status(503) });
    const { upstream, reports, skip } = connect(registry.url);
    for (let turn = 0; turn < 10; turn += 1) {
      await failureOf(upstream.headManifest(one, tagged("1"), hurried));
      skip(3000);
    }
    expect(await upstream.headManifest(two, tagged("1"), hurried)).toBeDefined();
    expect(reports.breakers).toEqual([]);
  });
});

describe("a host that limits the rate of requests", () => {
  it("is not asked for what it counts until then, whoever asks; other questions go on", async () => {
    const registry = await start();
    registry.misbehave({ on: "manifest-tag", method: "GET", temperament: temperaments.rateLimited(60) });
    const { upstream, skip } = connect(registry.url);
    const first = await failureOf(upstream.getManifest(one, tagged("1"), unhurried()));
    expect(first).toMatchObject({ kind: "rate-limited", retryAfter: 60, isRecalled: false });
    registry.behave();
    registry.requests.clear();
    skip(20_000);
    const second = await failureOf(upstream.getManifest(two, tagged("1"), unhurried()));
    expect(second).toMatchObject({ kind: "rate-limited", retryAfter: 40, isRecalled: true });
    expect(registry.requests.count()).toBe(0);
    expect(await upstream.headManifest(two, tagged("1"), unhurried())).toBeDefined();
    skip(40_000);
    expect(await upstream.getManifest(two, tagged("1"), unhurried())).toBeDefined();
  });
});

describe("the lanes to a host", () => {
  it("keep downloads to their number, and let questions pass them", async () => {
    const registry = await start();
    const bytes = seededBytes("a", 100_000);
    const blob = registry.pushBlob(one, bytes);
    const gate = createGate();
    registry.misbehave({ on: "blob", method: "GET", times: 2, temperament: temperaments.gated(gate, 10) });
    const { upstream } = connect(registry.url, { concurrency: { control: 1, blobs: 2 } });
    const open = () => upstream.openBlob(one, blob, { from: 0 }, unhurried());
    const [first, second] = [await open(), await open()];
    const third = open();
    for (const name of [one, two, three]) {
      expect(await upstream.headManifest(name, tagged("1"), unhurried())).toBeDefined();
    }
    expect(await upstream.proveBlob(one, blob, unhurried())).toMatchObject({ present: true });
    expect(registry.requests.count({ kind: "blob", method: "GET" })).toBe(2);
    gate.release();
    expect((await readAll(first?.chunks ?? fail())).equals(bytes)).toBe(true);
    expect((await readAll((await third)?.chunks ?? fail())).equals(bytes)).toBe(true);
    await second?.chunks[Symbol.asyncIterator]().return?.();
  });

  it("give a download's place to the next when its reader leaves, or its client gives up waiting", async () => {
    const registry = await start();
    const blob = registry.pushBlob(one, seededBytes("a", 2_000_000));
    registry.misbehave({ on: "blob", method: "GET", times: 1, temperament: temperaments.stall(10) });
    const { upstream } = connect(registry.url, { concurrency: { control: 1, blobs: 1 } });
    const first = await upstream.openBlob(one, blob, { from: 0 }, unhurried());
    const controller = new AbortController();
    const impatient = upstream.openBlob(one, blob, { from: 0 }, { signal: controller.signal });
    controller.abort("enough");
    await expect(impatient).rejects.toBe("enough");
    const next = upstream.openBlob(one, blob, { from: 0 }, unhurried());
    await first?.chunks[Symbol.asyncIterator]().return?.();
    expect((await readAll((await next)?.chunks ?? fail())).length).toBe(2_000_000);
  });

  it("are entered with a token at hand: one place is enough for a registry that is its own token service", async () => {
    const registry = await start({ auth: { kind: "bearer" }, redirect: {} });
    const blob = registry.pushBlob(one, seededBytes("a", 1000));
    const { upstream } = connect(registry.url, { concurrency: { control: 1, blobs: 1 } });
    const names = [one, two, three];
    const answers = await Promise.all(names.map((name) => upstream.getManifest(name, tagged("1"), unhurried())));
    expect(answers.filter((answer) => answer)).toHaveLength(3);
    registry.revokeTokens();
    const body = await upstream.openBlob(one, blob, { from: 0 }, unhurried());
    expect(await readAll(body?.chunks ?? fail())).toHaveLength(1000);
  });
});

describe("an upstream that is offline", () => {
  it("is never asked", async () => {
    const registry = await start();
    const { upstream } = connect(registry.url, { offline: true });
    const blob = registry.pushBlob(one, "x");
    const asked = [
      upstream.headManifest(one, tagged("1"), unhurried()),
      upstream.getManifest(one, tagged("1"), unhurried()),
      upstream.openBlob(one, blob, { from: 0 }, unhurried()),
      upstream.proveBlob(one, blob, unhurried()),
      upstream.listTags(one, unhurried()),
      upstream.listReferrers(one, blob, unhurried()),
    ];
    for (const question of asked) expect(await failureOf(question)).toMatchObject({ kind: "offline" });
    expect(registry.requests.count()).toBe(0);
  });
});

function fail(): never {
  throw new Error("no body");
}
