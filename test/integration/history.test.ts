import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AdminApi } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;
const hourMs = 60 * 60_000;

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let clock: SkippingClock;

beforeEach(async () => {
  [upstream, clock] = [await startUpstream({}), new SkippingClock()];
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  instance = await startInstance({ clock, settings: { limits: { attempts: 1 }, upstreams } });
  api = apiOf(instance);
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function restart(): Promise<void> {
  instance = await instance.restart();
  api = apiOf(instance);
  await reconciled(instance);
}

/** A version of the tag that is published and pulled; an hour goes by before the next. */
async function publish(layerBytes: number): Promise<PushedImage> {
  const pushed = upstream.pushImage(repository, "1", { layers: [layerBytes] });
  await pullTag();
  await instance.settled();
  clock.skip(hourMs);
  return pushed;
}

async function pullTag(): Promise<string | undefined> {
  const { digest, broken } = await pull(instance, repository, "1");
  expect(broken).toEqual([]);
  return digest;
}

describe("the history of a tag", () => {
  it("names what it has named, the newest first, with its times, after a restart too", async () => {
    const startedAt = clock.now();
    const versions = [await publish(1000), await publish(2000), await publish(3000)];
    await restart();
    const { items, held } = await api.tagHistory(image);
    expect([held, items.map(({ digest }) => digest)]).toEqual([null, versions.map(({ digest }) => digest).reverse()]);
    expect(items.map(({ isCurrent }) => isCurrent)).toEqual([true, false, false]);
    const firstSeen = items.map((period) => Date.parse(period.firstSeen) - startedAt);
    expect(firstSeen.map((ms) => Math.floor(ms / hourMs))).toEqual([2, 1, 0]);
    for (const period of items)
      expect(Date.parse(period.lastSeen)).toBeGreaterThanOrEqual(Date.parse(period.firstSeen));
  });

  it("is not known of a tag that was never pulled", async () => {
    await expect(api.tagHistory(image)).rejects.toMatchObject({ status: 404 });
  });

  it("does not grow when the tag is confirmed", async () => {
    await publish(1000);
    await pullTag();
    expect((await api.tagHistory(image)).items).toHaveLength(1);
  });
});

describe("a tag that is rolled back", () => {
  it("serves the earlier image though the upstream has moved on, flagged, until it is released", async () => {
    const first = await publish(1000);
    const second = await publish(2000);
    await api.rollback(image, first.digest);
    upstream.requests.clear();
    const reply = await instance.ask(`/v2/${repository}/manifests/1`);
    expect([reply.status, sha256(reply.body)]).toEqual([200, first.digest]);
    expect(reply.headers["cache-status"]).toContain("rolled-back");
    expect(await pullTag()).toBe(first.digest);
    expect(upstream.requests.count()).toBe(0);
    expect(await api.tagHistory(image)).toMatchObject({ held: first.digest });
    await api.rollback(image, "release");
    expect(await pullTag()).toBe(second.digest);
    expect((await api.tagHistory(image)).held).toBeNull();
  });

  it("answers HEAD with the same digest, whether or not the client asks to check", async () => {
    const first = await publish(1000);
    await publish(2000);
    await api.rollback(image, first.digest);
    for (const headers of [{}, { "cache-control": "no-cache" }]) {
      const reply = await instance.ask(`/v2/${repository}/manifests/1`, { method: "HEAD", headers });
      expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, first.digest]);
    }
  });

  it("stays so over restarts and later versions", async () => {
    const first = await publish(1000);
    await publish(2000);
    await api.rollback(image, first.digest);
    const third = upstream.pushImage(repository, "1", { layers: [3000] });
    await restart();
    clock.skip(hourMs);
    expect(await pullTag()).toBe(first.digest);
    await upstream.stop();
    expect(await pullTag()).toBe(first.digest);
    await upstream.restart();
    await api.rollback(image, "release");
    expect(await pullTag()).toBe(third.digest);
  });

  it("keeps the earlier image from being evicted", async () => {
    const first = await publish(500_000);
    await publish(600_000);
    await api.rollback(image, first.digest);
    await api.evict({ freeBytes: 10_000_000 });
    await upstream.stop();
    expect(await pullTag()).toBe(first.digest);
    expect((await api.explain(first.digest)).pins).toEqual([`rollback of ${image}`]);
  });

  it("is refused for what is not stored, or was never in that repository", async () => {
    const first = await publish(1000);
    const foreign = upstream.pushImage("library/foreign", "1", { layers: [4000] });
    await pull(instance, "library/foreign", "1");
    await publish(2000);
    await expect(api.rollback(image, foreign.digest)).rejects.toMatchObject({ status: 404 });
    await api.evict({ image: `docker.io/${repository}@${first.digest}` });
    await expect(api.rollback(image, first.digest)).rejects.toMatchObject({ status: 404 });
    await expect(api.rollback(`docker.io/${repository}:2`, first.digest)).rejects.toMatchObject({ status: 404 });
  });
});
