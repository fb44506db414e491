import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { seededBytes, startUpstream, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const MB = 1_000_000;
const minuteMs = 60_000;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function start(storage: Record<string, string>): Promise<void> {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  await startOn({ minFree: "1MiB", ...storage });
}

async function startOn(storage: Record<string, string>, directory?: string): Promise<void> {
  const settings = { storage, upstreams: { "docker.io": { endpoints: [upstream.url] } } };
  instance = await startInstance({ settings, clock, ...(directory !== undefined && { directory }) });
  await reconciled(instance);
}

/** Images of one layer each, that share nothing. */
function pushImages(count: number, layerBytes: number): string[] {
  return Array.from({ length: count }, (_, at) => {
    upstream.pushImage(repository, `v${at}`, { layers: [layerBytes] });
    return `v${at}`;
  });
}

/** Pulls the images one after the other; nothing may be broken, and the budget is kept to all the time. */
async function pullAll(tags: readonly string[]): Promise<void> {
  for (const tag of tags) {
    expect((await pull(instance, repository, tag)).broken).toEqual([]);
    await expectInBudget(instance);
  }
}

async function isHit(tag: string): Promise<boolean> {
  return (await pull(instance, repository, tag)).steps.every((step) => step.isHit);
}

describe("a store that is smaller than what is pulled", () => {
  it("keeps to storage.maxSize, has what was pulled last, and has let go what came first", async () => {
    await start({ maxSize: "3MB" });
    const tags = pushImages(12, 750_000);
    await pullAll(tags);
    upstream.requests.clear();
    for (const tag of tags.slice(-2)) expect(await isHit(tag)).toBe(true);
    expect(upstream.requests.count()).toBe(0);
    for (const tag of tags.slice(0, 8)) {
      const { state, departures } = await apiOf(instance).explain(`docker.io/${repository}:${tag}`);
      expect([state, departures.length]).toEqual(["absent", 1]);
    }
    expect(await instance.metric("entrepot_evictions_total", { reason: "budget" })).toBeGreaterThan(0);
    expect(await instance.metric("entrepot_evictions_total")).toBeGreaterThanOrEqual(8);
    expect(await instance.metric("entrepot_evicted_bytes_total")).toBeGreaterThanOrEqual(8 * 750_000);
    expect(await instance.metric("entrepot_uncached_passes_total")).toBe(0);
  });

  it("goes on caching what is as large as a fifth of it", async () => {
    await start({ maxSize: "5MB" });
    await pullAll(pushImages(7, 800_000));
    upstream.pushImage(repository, "fifth", { layers: [MB] });
    upstream.requests.clear();
    await pullAll(["fifth"]);
    expect(await isHit("fifth")).toBe(true);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(2);
  });

  it("makes room for several at once, as long as all of them fit together", async () => {
    await start({ maxSize: "5MB" });
    const tags = Array.from({ length: 24 }, (_, at) => {
      upstream.pushImage(repository, `v${at}`, { layers: [150_000 + (at % 6) * 140_000] });
      return `v${at}`;
    });
    for (let at = 0; at < tags.length; at += 6) {
      const pulls = tags.slice(at, at + 6).map((tag) => pull(instance, repository, tag));
      expect((await Promise.all(pulls)).flatMap(({ broken }) => broken)).toEqual([]);
      await expectInBudget(instance);
    }
    expect(await instance.metric("entrepot_uncached_passes_total")).toBe(0);
    for (const tag of tags.slice(-6)) expect(await isHit(tag)).toBe(true);
  });

  it("shrinks to a smaller storage.maxSize after a restart", async () => {
    await start({ maxSize: "5MB" });
    const tags = pushImages(4, MB);
    await pullAll(tags);
    await instance.stop();
    clock.skip(20 * minuteMs);
    await startOn({ maxSize: "2500kB", minFree: "1MiB" }, instance.directory);
    clock.skip(minuteMs);
    await eventually(async () => expect(await instance.metric("entrepot_store_bytes")).toBeLessThan(2.5 * MB), 5000);
    await expectInBudget(instance);
    upstream.requests.clear();
    expect(await isHit(tags.at(-1) ?? "")).toBe(true);
    expect(upstream.requests.count({ kind: "blob" })).toBe(0);
  });
});

describe("a blob that is larger than the whole store", () => {
  it("passes through whole, fetched once for five clients, and costs nothing that is stored", async () => {
    await start({ maxSize: "3MB" });
    await pullAll(pushImages(2, MB));
    const before = await expectInBudget(instance);
    const digest = upstream.pushBlob(repository, seededBytes("large", 6 * MB));
    upstream.requests.clear();
    const path = `/v2/${repository}/blobs/${digest}`;
    const replies = await Promise.all(Array.from({ length: 5 }, () => instance.ask(path)));
    expect(replies.map(({ status, body }) => [status, sha256(body)])).toEqual(replies.map(() => [200, digest]));
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(1);
    expect(await instance.metric("entrepot_uncached_passes_total", { reason: "budget" })).toBe(1);
    expect(await expectInBudget(instance)).toBe(before);
    expect(await instance.metric("entrepot_evictions_total")).toBe(0);
    expect(await instance.staging()).toEqual([]);
  });
});

describe("storage.minFree", () => {
  it("keeps anything from being stored where less is free, and no pull from succeeding", async () => {
    await start({ maxSize: "10GiB", minFree: "100%" });
    const [tag = ""] = pushImages(1, MB);
    expect((await pull(instance, repository, tag)).broken).toEqual([]);
    expect(await expectInBudget(instance)).toBe(0);
    expect(await instance.metric("entrepot_uncached_passes_total", { reason: "budget" })).toBeGreaterThan(0);
  });

  it("makes stored images go when less is free, except those that are pinned", async () => {
    await start({ maxSize: "10GiB" });
    const [first = "", second = ""] = pushImages(2, MB);
    await pullAll([first, second]);
    await apiOf(instance).pin(`docker.io/${repository}:${second}`);
    await instance.stop();
    clock.skip(20 * minuteMs);
    await startOn({ maxSize: "10GiB", minFree: "100%" }, instance.directory);
    clock.skip(minuteMs);
    await eventually(async () => {
      expect(await instance.metric("entrepot_evictions_total", { reason: "min_free" })).toBe(1);
    }, 5000);
    await upstream.stop();
    expect(await isHit(second)).toBe(true);
    expect((await pull(instance, repository, first)).broken).not.toEqual([]);
  });
});

describe("the watermarks", () => {
  const watermarks = { maxSize: "5MB", highWatermark: "80%", lowWatermark: "50%" };

  it("make content go in the background from the high one down to the low one, the coldest first", async () => {
    await start(watermarks);
    const tags = pushImages(4, 950_000);
    await pullAll(tags);
    expect(await instance.metric("entrepot_evictions_total")).toBe(0);
    clock.skip(20 * minuteMs);
    upstream.pushImage(repository, "last", { layers: [300_000] });
    expect((await pull(instance, repository, "last")).broken).toEqual([]);
    await eventually(async () => expect(await instance.metric("entrepot_store_bytes")).toBeLessThan(2.5 * MB), 5000);
    expect(await instance.metric("entrepot_evictions_total", { reason: "watermark" })).toBe(2);
    upstream.requests.clear();
    for (const tag of [...tags.slice(2), "last"]) expect(await isHit(tag)).toBe(true);
    expect(upstream.requests.count({ kind: "blob" })).toBe(0);
  });

  it("do not make go what is being pulled", async () => {
    await start(watermarks);
    const tags = pushImages(5, 900_000);
    await pullAll(tags);
    const left = await expectInBudget(instance);
    expect(left).toBeGreaterThan(1.8 * MB);
    upstream.requests.clear();
    for (const tag of tags.slice(-2)) expect(await isHit(tag)).toBe(true);
    expect(upstream.requests.count()).toBe(0);
  });
});
