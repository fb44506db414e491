import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ImageDocument, ImagesDocument } from "../../src/admin/index.ts";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull, type PullOptions } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const minute = 60_000;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

async function start(settings: Record<string, unknown> = {}): Promise<void> {
  clock = new SkippingClock();
  upstream = await startUpstream({});
  instance = await startInstance({
    clock,
    settings: { limits: { attempts: 1 }, upstreams: { "docker.io": { endpoints: [upstream.url] } }, ...settings },
  });
  await reconciled(instance);
}

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function pushIndex(tag: string): { amd: PushedImage; arm: PushedImage } {
  const image = (architecture: string): PushedImage =>
    upstream.pushImage(repository, undefined, {
      platform: { os: "linux", architecture },
      layers: [2000, Buffer.from(`${tag} for ${architecture}`)],
    });
  const [amd, arm] = [image("amd64"), image("arm64")];
  upstream.pushIndex(repository, tag, amd, arm);
  return { amd, arm };
}

async function pullOf(tag: string, options?: PullOptions): Promise<void> {
  expect((await pull(instance, repository, tag, options)).broken).toEqual([]);
  await instance.settled();
}

async function images(query = ""): Promise<ImageDocument[]> {
  const response = await fetch(`${instance.adminUrl}/api/v1/images?${query}`);
  expect(response.status).toBe(200);
  return ((await response.json()) as ImagesDocument).items;
}

/** What is claimed of each tag, by its name. */
async function claims(query = ""): Promise<Record<string, boolean>> {
  const items = [...(await images(`offlineReady=true&${query}`)), ...(await images(`offlineReady=false&${query}`))];
  return Object.fromEntries(items.map(({ image, offlineReady }) => [image.split(":")[1] ?? "", offlineReady.isReady]));
}

/** Whether it can be pulled whole with the upstream gone. */
async function isPulledWithoutUpstream(tag: string, options?: PullOptions): Promise<boolean> {
  await upstream.stop();
  // By its full name, so that nobody else is asked where the registry is not configured any more.
  const { broken } = await pull(instance, `docker.io/${repository}`, tag, options);
  await upstream.restart();
  return broken.length === 0;
}

describe("a tag that is said to be ready to go offline", () => {
  it("can be pulled whole without its upstream, for the platforms that are said to be complete and no others", async () => {
    await start();
    pushIndex("multi");
    await pullOf("multi", { platforms: ["linux/amd64"] });
    expect(await claims()).toEqual({ multi: true });
    expect((await images())[0]?.offlineReady.platforms).toEqual(["linux/amd64"]);
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      const isClaimed = (await claims(`platform=${platform}`))["multi"];
      expect(isClaimed).toBe(platform === "linux/amd64");
      expect(await isPulledWithoutUpstream("multi", { platforms: [platform] })).toBe(isClaimed);
    }
  });

  it("is not, once a layer of it is lost, and says which", async () => {
    await start();
    const { amd } = pushIndex("multi");
    const whole = upstream.pushImage(repository, "whole", { layers: [3000] });
    await pullOf("multi", { platforms: ["linux/amd64"] });
    await pullOf("whole");
    expect(await claims()).toEqual({ multi: true, whole: true });
    const lost = amd.layers[1]?.digest ?? amd.digest;
    await loseFile(lost);
    await upstream.stop();
    await apiOf(instance).verify();
    expect(await claims()).toEqual({ multi: false, whole: true });
    const [{ offlineReady } = { offlineReady: undefined }] = await images("q=multi");
    expect(offlineReady).toMatchObject({
      ...{ isReady: false, platforms: [], why: "parts are missing for linux/amd64" },
      missing: [{ platform: "linux/amd64", digest: lost, what: "layer", bytes: amd.layers[1]?.size }],
    });
    expect((await pull(instance, repository, "multi", { platforms: ["linux/amd64"] })).broken).not.toEqual([]);
    expect((await pull(instance, repository, whole.digest)).broken).toEqual([]);
    await upstream.restart();
  });

  it("is not, where only its manifests have been pulled, and is once the rest has", async () => {
    await start();
    upstream.pushImage(repository, "image", { layers: [3000] });
    await pullOf("image", { manifestsOnly: true });
    expect(await claims()).toEqual({ image: false });
    expect(await isPulledWithoutUpstream("image")).toBe(false);
    await pullOf("image");
    expect(await claims()).toEqual({ image: true });
    expect(await isPulledWithoutUpstream("image")).toBe(true);
  });

  it("is not, once it is older than staleFor, unless it is rolled back or its upstream is offline", async () => {
    await start({ tags: { freshFor: "1m", staleFor: "1h", patterns: [{ match: "v*", staleFor: "10h" }] } });
    const held = upstream.pushImage(repository, "held", { layers: [3000] });
    for (const tag of ["old", "v1"]) upstream.pushImage(repository, tag, { layers: [3000] });
    for (const tag of ["held", "old", "v1"]) await pullOf(tag);
    await apiOf(instance).rollback(`docker.io/${repository}:held`, held.digest);
    clock.skip(62 * minute);
    const expected = { held: true, old: false, v1: true };
    expect(await claims()).toEqual(expected);
    for (const [tag, isReady] of Object.entries(expected)) expect(await isPulledWithoutUpstream(tag)).toBe(isReady);
    await instance.stop();
    const { directory } = instance;
    instance = await startInstance({ clock, directory, settings: { offline: true } });
    expect(await claims()).toEqual({ held: true, old: true, v1: true });
    expect((await pull(instance, repository, "old")).broken).toEqual([]);
  });

  it("is not, where it is denied, its upstream is not configured any more, or each pull is asked of the registry", async () => {
    await start();
    const image = upstream.pushImage(repository, "image", { layers: [3000] });
    await pullOf("image");
    const { directory } = instance;
    const { url } = upstream;
    const endpoints = [url];
    const layer = image.layers[0]?.digest;
    for (const [settings, words] of [
      [{ upstreams: { "docker.io": { endpoints } }, denyDigests: [layer] }, "is denied here"],
      [{ upstreams: { "docker.io": { endpoints, deny: ["library/*"] } } }, "is not served here"],
      [{ upstreams: { "docker.io": { enabled: false } }, defaultUpstream: "quay.io" }, "is not configured"],
      [{ upstreams: { "docker.io": { endpoints } }, access: { mode: "upstream" } }, "access.mode upstream"],
    ] as const) {
      await instance.stop();
      instance = await startInstance({ clock, directory, settings });
      expect(await claims()).toEqual({ image: false });
      expect((await images())[0]?.offlineReady.why).toContain(words);
      expect(await isPulledWithoutUpstream("image")).toBe(false);
    }
  });
});

describe("the tags that are ready to go offline", () => {
  it("are counted in the background, in the metrics and the statistics, after something has changed", async () => {
    await start();
    const counted = async (): Promise<number[]> => [
      await instance.metric("entrepot_offline_ready_tags"),
      await instance.metric("entrepot_offline_incomplete_tags"),
    ];
    await eventually(
      async () => expect(await statistics()).toMatchObject({ countedAt: expect.any(String) as string }),
      15_000,
    );
    expect(await counted()).toEqual([0, 0]);
    for (const tag of ["whole", "part"]) upstream.pushImage(repository, tag, { layers: [3000] });
    await pullOf("whole");
    await pullOf("part", { manifestsOnly: true });
    expect(await counted()).toEqual([0, 0]);
    await eventually(async () => {
      clock.skip(minute);
      expect(await counted()).toEqual([1, 1]);
    }, 15_000);
    expect(await statistics()).toMatchObject({ readyTags: 1, incompleteTags: 1 });
  });
});

async function statistics(): Promise<unknown> {
  return ((await (await fetch(`${instance.adminUrl}/api/v1/stats`)).json()) as { offline: unknown }).offline;
}

async function loseFile(digest: string): Promise<void> {
  const hex = digest.slice("sha256:".length);
  await unlink(join(instance.directory, "data", "blobs", "sha256", hex.slice(0, 2), hex));
}
