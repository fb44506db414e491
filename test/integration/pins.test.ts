import { afterEach, describe, expect, it } from "vitest";
import type { AdminApi } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const hourMs = 60 * 60_000;

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let clock: SkippingClock;

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function start(pins: unknown[] = []): Promise<void> {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  await startWith(pins);
}

async function startWith(pins: unknown[], directory?: string): Promise<void> {
  const settings = {
    storage: { maxSize: "3MB", minFree: "1MiB" },
    limits: { attempts: 1 },
    upstreams: { "docker.io": { endpoints: [upstream.url] } },
    pins,
  };
  instance = await startInstance({ settings, clock, ...(directory !== undefined && { directory }) });
  api = apiOf(instance);
  await reconciled(instance);
}

function nameOf(tag: string): string {
  return `docker.io/${repository}:${tag}`;
}

async function pullTag(tag: string): Promise<void> {
  expect((await pull(instance, repository, tag)).broken).toEqual([]);
  await expectInBudget(instance);
}

/** Pulls so much that all goes that may go. */
async function fill(times = 5): Promise<void> {
  clock.skip(hourMs);
  for (let at = 0; at < times; at += 1) {
    upstream.pushImage("library/filler", `v${at}`, { layers: [700_000] });
    expect((await pull(instance, "library/filler", `v${at}`)).broken).toEqual([]);
    await expectInBudget(instance);
  }
}

async function canBePulledOffline(tag: string, platforms?: string[]): Promise<boolean> {
  await upstream.stop();
  const { broken } = await pull(instance, repository, tag, platforms ? { platforms } : {});
  await upstream.restart();
  return broken.length === 0;
}

describe("an image that the configuration pins", () => {
  it("stays however much is pulled, and the one beside it goes", async () => {
    await start([nameOf("pinned")]);
    for (const tag of ["pinned", "other"]) {
      upstream.pushImage(repository, tag, { layers: [500_000] });
      await pullTag(tag);
    }
    await fill();
    expect([await canBePulledOffline("pinned"), await canBePulledOffline("other")]).toEqual([true, false]);
    expect((await api.explain(nameOf("pinned"))).pins).toEqual([nameOf("pinned")]);
    expect(await instance.metric("entrepot_pins")).toBe(1);
  });

  it("is meant by patterns too, and by platforms", async () => {
    await start([{ image: "docker.io/library/**:v*", platforms: ["linux/arm64"] }]);
    const image = (architecture: string) =>
      upstream.pushImage(repository, undefined, { platform: { os: "linux", architecture }, layers: [400_000] });
    upstream.pushIndex(repository, "v1", image("amd64"), image("arm64"));
    await pullTag("v1");
    // The images that fill the store fit the pattern as well, and name no platform.
    clock.skip(hourMs);
    await api.evict({ freeBytes: 3_000_000 });
    expect(await canBePulledOffline("v1", ["linux/arm64"])).toBe(true);
    expect(await canBePulledOffline("v1", ["linux/amd64"])).toBe(false);
  });

  it("cannot be unpinned by the API, and is as free as others once it is out of the configuration", async () => {
    await start([nameOf("pinned")]);
    upstream.pushImage(repository, "pinned", { layers: [500_000] });
    await pullTag("pinned");
    await expect(api.unpin(nameOf("pinned"))).rejects.toMatchObject({ status: 409 });
    await instance.stop();
    await startWith([], instance.directory);
    expect((await api.pins()).items).toEqual([]);
    await fill();
    expect(await canBePulledOffline("pinned")).toBe(false);
  });
});

describe("an image that an operator pins", () => {
  it("stays, after a restart too, until it is unpinned", async () => {
    await start();
    upstream.pushImage(repository, "a", { layers: [500_000] });
    await pullTag("a");
    await api.pin(nameOf("a"));
    await instance.stop();
    await startWith([], instance.directory);
    expect((await api.pins()).items).toEqual([{ image: nameOf("a"), origin: "api", platforms: null }]);
    await fill();
    expect(await canBePulledOffline("a")).toBe(true);
    await api.unpin(nameOf("a"));
    expect(await instance.metric("entrepot_pins")).toBe(0);
    await fill();
    expect(await canBePulledOffline("a")).toBe(false);
  });

  it("is not evicted by name, and is in no plan", async () => {
    await start();
    for (const tag of ["a", "b"]) {
      upstream.pushImage(repository, tag, { layers: [500_000] });
      await pullTag(tag);
    }
    await api.pin(nameOf("a"));
    await expect(api.evict({ image: nameOf("a") })).rejects.toMatchObject({ status: 409 });
    const { victims, freedBytes } = await api.plan(3_000_000);
    expect([victims.flatMap(({ images }) => images), freedBytes < 600_000]).toEqual([[nameOf("b")], true]);
    await api.evict({ freeBytes: 3_000_000 });
    expect([await canBePulledOffline("a"), await canBePulledOffline("b")]).toEqual([true, false]);
  });

  it("is kept as it was until its tag's new version is here as a whole", async () => {
    await start();
    const first = upstream.pushImage(repository, "a", { layers: [500_000] });
    await pullTag("a");
    await api.pin(nameOf("a"));
    const second = upstream.pushImage(repository, "a", { layers: [600_000] });
    const check = { headers: { "cache-control": "no-cache" } };
    await instance.ask(`/v2/${repository}/manifests/a`, check);
    await fill();
    await upstream.stop();
    expect((await pull(instance, repository, first.digest)).broken).toEqual([]);
    await upstream.restart();
    await pullTag("a");
    await fill();
    await upstream.stop();
    expect((await pull(instance, repository, second.digest)).broken).toEqual([]);
    expect((await pull(instance, repository, first.digest)).broken).not.toEqual([]);
  });

  it("makes the rest pass uncached where pins leave no room, and fails no pull", async () => {
    await start();
    upstream.pushImage(repository, "a", { layers: [2_700_000] });
    await pullTag("a");
    await api.pin(nameOf("a"));
    await fill(2);
    expect(await instance.metric("entrepot_uncached_passes_total", { reason: "budget" })).toBeGreaterThan(0);
    expect(await canBePulledOffline("a")).toBe(true);
  });
});
