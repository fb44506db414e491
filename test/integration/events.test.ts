import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { ActivityDocument } from "../../src/admin/index.ts";
import { blobPath } from "../../src/blobstore/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import { EventListening } from "../support/event-stream.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

beforeEach(async () => {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  instance = await startInstance({
    clock,
    settings: {
      limits: { attempts: 1 },
      upstreams: { "docker.io": { endpoints: [upstream.url], breaker: { openFor: "30s" } } },
    },
  });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function listen(query = ""): Promise<EventListening> {
  const listening = await EventListening.open(instance.adminUrl, { query });
  onTestFinished(() => listening.close());
  return listening;
}

async function publish(tag = "1"): Promise<ReturnType<TestUpstream["pushImage"]>> {
  const pushed = upstream.pushImage(repository, tag, { layers: [300_000, 1500] });
  expect((await pull(instance, repository, tag, { mustCheck: true })).broken).toEqual([]);
  await instance.settled();
  return pushed;
}

function damage(digest: Digest, size: number): void {
  const file = blobPath(join(instance.directory, "data"), digest);
  chmodSync(file, 0o644);
  writeFileSync(file, Buffer.alloc(size));
}

function logged(words: string): unknown[] {
  return instance.log.filter(({ msg }) => msg === words);
}

describe("a tag", () => {
  const push = (seed: number) => upstream.pushImage(repository, "1", { layers: [1000 + seed] });

  it("that comes to name another digest is an event, one that is seen for the first time is none", async () => {
    const listening = await listen();
    const first = push(1);
    await pull(instance, repository, "1");
    const second = push(2);
    await pull(instance, repository, "1", { mustCheck: true });
    const { data } = await listening.next();
    expect(data).toMatchObject({ kind: "tag-moved", image, from: first.digest, to: second.digest });
    expect(logged("a tag names another digest")).toHaveLength(1);
  });

  it("moves too where containerd asks for it with HEAD and fetches the digest", async () => {
    const first = push(1);
    await pull(instance, repository, "1");
    const listening = await listen();
    const second = push(2);
    await instance.ask(`/v2/${repository}/manifests/1`, { method: "HEAD", headers: { "cache-control": "no-cache" } });
    await instance.ask(`/v2/${repository}/manifests/${second.digest}`);
    expect((await listening.next()).data).toMatchObject({ kind: "tag-moved", from: first.digest, to: second.digest });
  });

  it("that comes back after it was evicted has moved only if it names another digest", async () => {
    const listening = await listen();
    const first = push(1);
    await pull(instance, repository, "1");
    await apiOf(instance).evict({ image });
    await pull(instance, repository, "1");
    await apiOf(instance).evict({ image });
    const second = push(2);
    await pull(instance, repository, "1");
    const kinds = [await listening.next(), await listening.next(), await listening.next()];
    expect(kinds.map(({ event }) => event)).toEqual(["evicted", "evicted", "tag-moved"]);
    expect(kinds[2]?.data).toMatchObject({ from: first.digest, to: second.digest });
  });
});

describe("what leaves", () => {
  it("is one event for each image, with the name that it had and the bytes that were set free", async () => {
    const { digest, manifest, config, layers } = await publish();
    const listening = await listen();
    const { freedBytes } = await apiOf(instance).evict({ image });
    const bytes = manifest.length + config.size + layers.reduce((sum, { size }) => sum + size, 0);
    expect(freedBytes).toBe(bytes);
    const { data } = await listening.next();
    expect(data).toMatchObject({ kind: "evicted", reason: "operator", image, digest, bytes, count: 1 });
    expect(logged("evicted")).toMatchObject([{ image, digest, bytes, count: 1 }]);
  });

  it("is the tag of the index that went along, where it is one image of several", async () => {
    const platforms = ["amd64", "arm64"].map((architecture) =>
      upstream.pushImage(repository, undefined, { platform: { os: "linux", architecture }, layers: [2000] }),
    );
    upstream.pushIndex(repository, "1", ...platforms);
    await pull(instance, repository, "1", { platforms: ["linux/amd64"] });
    await instance.settled();
    const listening = await listen();
    await apiOf(instance).evict({ image });
    expect((await listening.next("evicted")).data["image"]).toBe(image);
  });
});

describe("a wrong file", () => {
  it("is an event where a client would have got it", async () => {
    const { layers } = await publish();
    const [layer] = layers;
    if (!layer) throw new Error("an image has layers");
    damage(layer.digest, layer.size);
    const listening = await listen();
    await instance.ask(`/v2/${repository}/blobs/${layer.digest}`);
    expect((await listening.next("corrupt")).data).toMatchObject({ digest: layer.digest, where: "serving" });
  });

  it("is an event where a verification has found it", async () => {
    const { layers } = await publish();
    const [layer] = layers;
    if (!layer) throw new Error("an image has layers");
    damage(layer.digest, layer.size);
    const listening = await listen();
    await apiOf(instance).verify();
    expect((await listening.next("corrupt")).data).toMatchObject({ digest: layer.digest, where: "verify" });
  });
});

describe("an upstream", () => {
  it("is down once and up once, however many requests notice", async () => {
    const listening = await listen();
    await upstream.stop();
    const ask = (name: string) => instance.ask(`/v2/library/${name}/manifests/1`);
    for (const name of ["a", "b", "c", "d", "e"]) expect((await ask(name)).status).toBe(502);
    await upstream.restart();
    clock.skip(31_000);
    await ask("f");
    const { host } = new URL(upstream.url);
    expect((await listening.next()).data).toMatchObject({ kind: "upstream-down", upstream: "docker.io", host });
    expect((await listening.next()).data).toMatchObject({ kind: "upstream-up", upstream: "docker.io", host });
  });

  it("that allows few more pulls is one event", async () => {
    const quota = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "9;w=21600" };
    upstream.misbehave({ on: "any", temperament: temperaments.headers(quota) });
    upstream.pushImage(repository, "1");
    const listening = await listen();
    await pull(instance, repository, "1");
    await pull(instance, repository, "1", { mustCheck: true });
    await apiOf(instance).evict({ image });
    const { data } = await listening.next();
    expect(data).toMatchObject({ kind: "quota-low", upstream: "docker.io", limit: 100, remaining: 9 });
    expect(data["resetAt"]).toMatch(/Z$/);
    expect((await listening.next()).event).toBe("evicted");
  });
});

describe("GET /api/v1/activity", () => {
  const activity = async () =>
    (await fetch(`${instance.adminUrl}/api/v1/activity`)).json() as Promise<ActivityDocument>;

  it("lists what is being filled, with how far it is and who reads it", async () => {
    const gate = createGate();
    const { layers } = upstream.pushImage(repository, "1", { layers: [3_000_000] });
    const digest = layers[0]?.digest ?? "";
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 2_000_000) });
    const pulling = [1, 2].map(() => instance.ask(`/v2/${repository}/blobs/${digest}`));
    await upstream.requests.waitFor({ kind: "blob" });
    const listening = await listen("activity=1");
    for (;;) {
      const { fills } = (await listening.next("activity")).data as unknown as ActivityDocument;
      if (fills[0]?.bytes === 2_000_000 && fills[0].readers === 2) break;
    }
    const { fills } = await activity();
    const fill = { digest, upstream: "docker.io", repository, bytes: 2_000_000, totalBytes: 3_000_000, readers: 2 };
    expect(fills).toEqual([{ ...fill, startedAt: expect.stringMatching(/Z$/) as string }]);
    gate.release();
    await Promise.all(pulling);
    await instance.settled();
    expect((await activity()).fills).toEqual([]);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("keeps the last day in steps of a minute, the unfinished one last", async () => {
    await publish();
    clock.skip(60_000);
    await pull(instance, repository, "1");
    const { history } = await activity();
    expect(history.stepSeconds).toBe(60);
    const { requests, fetchedBytes, savedBytes } = history.points.reduce((sum, point) => ({
      ...point,
      requests: sum.requests + point.requests,
      fetchedBytes: sum.fetchedBytes + point.fetchedBytes,
      savedBytes: sum.savedBytes + point.savedBytes,
    }));
    expect(history.points.length).toBe(2);
    expect([requests, fetchedBytes > 300_000, savedBytes > 300_000]).toEqual([8, true, true]);
    expect(history.points[1]).toMatchObject({ filled: 0, errors: 0 });
  });
});
