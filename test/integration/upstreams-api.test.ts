import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListDocument, Stats, UpstreamDocument } from "../../src/admin/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const minute = 60_000;
/** A busy machine takes its time. */
const patient = { timeout: 15_000 };

let upstream: TestUpstream;
let mirror: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  mirror = await startUpstream({});
  instance = await startInstance({
    clock,
    settings: {
      limits: { attempts: 1 },
      upstreams: {
        "docker.io": {
          endpoints: [{ url: upstream.url, credentials: { username: "user", password: "hunter2-secret" } }, mirror.url],
          quota: { keepBack: "20%" },
        },
        "quay.io": { offline: true },
        "ghcr.io": { push: "passthrough" },
      },
    },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
  await mirror.close();
});

async function upstreams(): Promise<UpstreamDocument[]> {
  const response = await fetch(`${instance.adminUrl}/api/v1/upstreams`);
  const text = await response.text();
  expect(text).not.toMatch(/hunter2|user:/);
  const { items, nextCursor } = JSON.parse(text) as ListDocument<UpstreamDocument>;
  expect(nextCursor).toBeNull();
  return items;
}

async function hub(): Promise<UpstreamDocument | undefined> {
  return (await upstreams()).find(({ name }) => name === "docker.io");
}

const ask = (repository: string): Promise<{ status: number }> => instance.ask(`/v2/library/${repository}/manifests/1`);

describe("GET /api/v1/upstreams", () => {
  it("tells how each is set up, and nothing of what has not been said", async () => {
    const items = await upstreams();
    expect(items.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["docker.io", "quay.io", "ghcr.io", "registry.k8s.io"]),
    );
    const closed = { breaker: "closed", openUntil: null };
    expect(items[0]).toEqual({
      ...{ name: "docker.io", isDefault: true, offline: false, push: "deny" },
      endpoints: [
        { host: new URL(upstream.url).host, isOrigin: true, ...closed },
        { host: new URL(mirror.url).host, isOrigin: false, ...closed },
      ],
      quota: {
        ...{ limit: null, remaining: null, resetAt: null, source: null, isLow: false, limitedUntil: null },
        pulls: 0,
      },
      ...{ requests: 0, fetchedBytes: 0, savedBytes: 0, failures: 0 },
    });
    expect(items.find(({ name }) => name === "quay.io")).toMatchObject({
      ...{ isDefault: false, offline: true },
      endpoints: [{ host: "quay.io", isOrigin: true, ...closed }],
    });
    expect(items.find(({ name }) => name === "ghcr.io")).toMatchObject({ push: "passthrough" });
  });

  it("counts requests, bytes, pulls and what was saved, and tells the quota", async () => {
    upstream.pushImage("library/demo", "1", { layers: [10] });
    const headers = {
      ...{ "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "12;w=21600" },
      "docker-ratelimit-source": "192.0.2.1",
    };
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.headers(headers) });
    await ask("demo");
    const { length } = (await instance.ask("/v2/library/demo/manifests/1")).body;
    await expect.poll(async () => (await hub())?.savedBytes, patient).toBe(length);
    expect(await hub()).toMatchObject({
      quota: {
        ...{ limit: 100, remaining: 12, source: "192.0.2.1", isLow: true, limitedUntil: null, pulls: 1 },
        resetAt: new Date(clock.now() + 360 * minute).toISOString(),
      },
      ...{ requests: upstream.requests.count(), fetchedBytes: length, failures: 0 },
    });
  });

  it("tells until when a host is left alone, then that it is tried, and that it is back", async () => {
    await upstream.stop();
    for (const repository of ["a", "b", "c"]) await ask(repository);
    const until = new Date(clock.now() + 30_000).toISOString();
    const [origin, other] = (await hub())?.endpoints ?? [];
    expect([origin, other]).toMatchObject([{ breaker: "open", openUntil: until }, { breaker: "closed" }]);
    expect((await hub())?.failures).toBeGreaterThanOrEqual(3);
    clock.advance(30_000);
    expect((await hub())?.endpoints[0]).toMatchObject({ breaker: "probing", openUntil: null });
    await upstream.restart();
    upstream.pushImage("library/demo", "1", { layers: [10] });
    await expect.poll(async () => (await ask("demo")).status, patient).toBe(200);
    expect((await hub())?.endpoints[0]).toMatchObject({ breaker: "closed", openUntil: null });
  });
});

describe("GET /api/v1/stats", () => {
  it("tells which clients come, what is reserved and whether anything is stored", async () => {
    upstream.pushImage("library/demo", "1", { layers: [10] });
    const headers = { "user-agent": "containerd/2.0.0" };
    await instance.ask("/v2/library/demo/manifests/1", { headers });
    await instance.ask("/v2/library/demo/manifests/1", { headers });
    const stats = async (): Promise<Stats> =>
      (await (await fetch(`${instance.adminUrl}/api/v1/stats`)).json()) as Stats;
    await expect
      .poll(async () => (await stats()).requestsByClient.containerd)
      .toEqual({
        ...{ requests: 2, lastAt: new Date(clock.now()).toISOString() },
      });
    expect(await stats()).toMatchObject({
      requestsByClient: { docker: { requests: 0, lastAt: null } },
      store: { reservedBytes: 0, isPassthrough: false },
      flights: { running: 0, followers: 0 },
    });
  });
});
