import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EvictionDocument } from "../../src/admin/index.ts";
import type { AdminApi } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull, type Pulled } from "../support/pull.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { seededBlob, startUpstream, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const leaseMs = 15 * 60_000;
const hourMs = 60 * 60_000;

let upstream: TestUpstream;
/** Of another registry: it goes on while the first one is down. */
let other: TestUpstream;
let instance: Instance;
let api: AdminApi;
let clock: SkippingClock;

beforeEach(async () => {
  [upstream, other, clock] = [await startUpstream({}), await startUpstream({}), new SkippingClock()];
  instance = await startInstance({
    clock,
    settings: {
      storage: { maxSize: "3MB", minFree: "1MiB" },
      limits: { attempts: 1 },
      upstreams: { "docker.io": { endpoints: [upstream.url] }, "other.test": { endpoints: [other.url] } },
    },
  });
  api = apiOf(instance);
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
  await other.close();
});

function pullTag(tag: string): Promise<Pulled> {
  return pull(instance, repository, tag);
}

async function isPulled(tag: string): Promise<boolean> {
  return (await pullTag(tag)).broken.length === 0;
}

function nameOf(tag: string): string {
  return `docker.io/${repository}:${tag}`;
}

/** Fills the store with images of another registry: one after the other needs its room. */
async function fillWithOthers(count: number, layerBytes: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    other.pushImage("filler/image", `v${at}`, { layers: [layerBytes] });
    expect((await pull(instance, "other.test/filler/image", `v${at}`)).broken).toEqual([]);
    await expectInBudget(instance);
  }
}

describe("layers that several images share", () => {
  it("survive the eviction of one of them, and the others can be pulled without the upstream", async () => {
    const base = seededBlob("base", 800_000);
    upstream.pushImage(repository, "a", { layers: [base, 100_000] });
    upstream.pushImage(repository, "b", { layers: [base, 200_000] });
    for (const tag of ["a", "b"]) await pullTag(tag);
    const before = await expectInBudget(instance);
    const report = await api.evict({ image: nameOf("a") });
    expect(report.keptSharedBytes).toBe(800_000);
    expect(before - (await expectInBudget(instance))).toBe(report.freedBytes);
    expect(report.freedBytes).toBeGreaterThan(100_000);
    expect(report.freedBytes).toBeLessThan(110_000);
    await upstream.stop();
    expect([await isPulled("b"), await isPulled("a")]).toEqual([true, false]);
  });

  it("go with the last of them, though each alone would protect them from the other", async () => {
    const base = seededBlob("base", 1_200_000);
    for (const [tag, ownBytes] of [
      ["a", 10],
      ["b", 20],
    ] as const) {
      upstream.pushImage(repository, tag, { layers: [base, ownBytes] });
      await pullTag(tag);
    }
    await instance.settled();
    const report = await api.evict({ freeBytes: 1_000_000 });
    expect(report.victims.map(({ kind }) => kind)).toEqual(["image", "image"]);
    expect(report.freedBytes).toBeGreaterThan(1_200_000);
    expect(await expectInBudget(instance)).toBe(0);
  });
});

describe("a checker that asks for tags with HEAD", { timeout: 60_000 }, () => {
  it("keeps none of a hundred images from going", async () => {
    const tags = Array.from({ length: 100 }, (_, at) => `v${at}`);
    for (const tag of tags) upstream.pushImage(repository, tag, { layers: [20_000] });
    for (let at = 0; at < tags.length; at += 10) await Promise.all(tags.slice(at, at + 10).map(pullTag));
    await instance.settled();
    clock.skip(leaseMs);
    for (const tag of tags) await instance.ask(`/v2/${repository}/manifests/${tag}`, { method: "HEAD" });
    expect(await instance.metric("entrepot_leases")).toBe(0);
    await fillWithOthers(5, 560_000);
    const here = await Promise.all(tags.map(async (tag) => (await explained(tag)).state === "present"));
    expect(here.filter(Boolean).length).toBeLessThan(10);
  });
});

async function explained(tag: string) {
  return api.explain(nameOf(tag));
}

describe("a pull that has begun", () => {
  it("can finish without its upstream, however much others pull between its blobs", async () => {
    const image = upstream.pushImage(repository, "a", { layers: [200_000, 150_000, 100_000] });
    await pullTag("a");
    await instance.settled();
    clock.skip(hourMs);
    await upstream.stop();
    let fillers = 0;
    const paths = [image.config, ...image.layers].map(({ digest }) => `blobs/${digest}`);
    for (const path of ["manifests/a", ...paths]) {
      const reply = await instance.ask(`/v2/${repository}/${path}`);
      expect([path, reply.status, sha256(reply.body)]).toEqual([path, 200, reply.headers["docker-content-digest"]]);
      // With this image that is not more than half of what is stored: so much is left to pulls that go on.
      for (const end = fillers + 2; fillers < end; fillers += 1) {
        other.pushImage("filler/image", `v${fillers}`, { layers: [500_000] });
        expect((await pull(instance, "other.test/filler/image", `v${fillers}`)).broken).toEqual([]);
        await expectInBudget(instance);
      }
    }
    expect(await instance.metric("entrepot_evictions_total")).toBeGreaterThan(4);
  });

  it("keeps its manifest from the first moment on, above the high watermark too", async () => {
    upstream.pushImage(repository, "pinned", { layers: [2_880_000] });
    await pullTag("pinned");
    await api.pin(nameOf("pinned"));
    const tags = Array.from({ length: 20 }, (_, at) => `begun-${at}`);
    for (const tag of tags) {
      upstream.pushImage(repository, tag, { layers: [1000] });
      await instance.ask(`/v2/${repository}/manifests/${tag}`);
    }
    await instance.settled();
    const states = await Promise.all(tags.map(async (tag) => (await explained(tag)).state));
    expect(states).toEqual(tags.map(() => "present"));
  });

  it("is over some time after its last blob: then the image goes like others", async () => {
    upstream.pushImage(repository, "a", { layers: [700_000] });
    await pullTag("a");
    expect(await instance.metric("entrepot_leases")).toBe(1);
    clock.skip(leaseMs);
    expect(await instance.metric("entrepot_leases")).toBe(0);
    await fillWithOthers(5, 600_000);
    expect((await explained("a")).state).toBe("absent");
  });
});

/** The time of a last pull comes into the index a moment after the pull. */
function withoutTimes({ victims, ...report }: EvictionDocument) {
  return { ...report, victims: victims.map((victim) => ({ ...victim, lastPulledAt: undefined })) };
}

describe("an operator who makes room", () => {
  async function pullThree(): Promise<void> {
    for (const tag of ["a", "b", "c"]) {
      upstream.pushImage(repository, tag, { layers: [600_000] });
      await pullTag(tag);
      await instance.settled();
      clock.skip(hourMs);
    }
  }

  it("is told before what would go, and finds exactly that gone afterwards", async () => {
    await pullThree();
    const before = await expectInBudget(instance);
    const plan = withoutTimes(await api.plan(700_000));
    expect(plan.victims.map(({ images }) => images)).toEqual([[nameOf("a")], [nameOf("b")]]);
    expect(withoutTimes(await api.evict({ freeBytes: 700_000, dryRun: true }))).toEqual(plan);
    expect(await expectInBudget(instance)).toBe(before);
    expect(withoutTimes(await api.evict({ freeBytes: 700_000 }))).toEqual(plan);
    expect(await expectInBudget(instance)).toBe(before - plan.freedBytes);
    expect(await instance.metric("entrepot_evictions_total", { reason: "operator" })).toBe(2);
    expect(await instance.metric("entrepot_evicted_bytes_total")).toBe(plan.freedBytes);
    await upstream.stop();
    expect([await isPulled("a"), await isPulled("b"), await isPulled("c")]).toEqual([false, false, true]);
  });

  it("evicts one image whatever its rank, after a look at what that would free", async () => {
    await pullThree();
    const before = await expectInBudget(instance);
    const look = await api.evict({ image: nameOf("c"), dryRun: true });
    expect(look.victims.map(({ images }) => images)).toEqual([[nameOf("c")]]);
    expect(await expectInBudget(instance)).toBe(before);
    expect(withoutTimes(await api.evict({ image: nameOf("c") }))).toEqual(withoutTimes(look));
    expect(await expectInBudget(instance)).toBe(before - look.freedBytes);
    await expect(api.evict({ image: nameOf("c") })).rejects.toMatchObject({ status: 404 });
    await upstream.stop();
    expect([await isPulled("a"), await isPulled("b"), await isPulled("c")]).toEqual([true, true, false]);
  });

  it("takes an index with its platforms, and leaves those that another index has too", async () => {
    const platforms = ["amd64", "arm64", "riscv64"].map((architecture) => ({ os: "linux", architecture }));
    const images = platforms.map((platform, at) =>
      upstream.pushImage(repository, undefined, { platform, layers: [200_000 + at] }),
    );
    const [amd64, arm64, riscv64] = images;
    if (!amd64 || !arm64 || !riscv64) throw new Error("three images");
    upstream.pushIndex(repository, "one", amd64, arm64);
    upstream.pushIndex(repository, "two", arm64, riscv64);
    for (const tag of ["one", "two"]) await pullTag(tag);
    await instance.settled();
    const { victims } = await api.evict({ image: nameOf("one") });
    expect(victims.map(({ digest }) => digest)).toContain(amd64.digest);
    expect(victims.map(({ digest }) => digest)).not.toContain(arm64.digest);
    await upstream.stop();
    expect([await isPulled("one"), await isPulled("two")]).toEqual([false, true]);
  });
});

describe("the explanation of an image", () => {
  it("says what it is, who needs what, and how near the end of the queue it is", async () => {
    const base = seededBlob("base", 500_000);
    const image = upstream.pushImage(repository, "a", { layers: [base, 100_000] });
    upstream.pushImage(repository, "b", { layers: [base] });
    await pullTag("a");
    await instance.settled();
    clock.skip(hourMs);
    await pullTag("b");
    await instance.settled();
    const told = await explained("a");
    expect(told).toMatchObject({ digest: image.digest, kind: "image", state: "present", sharedBytes: 500_000 });
    expect(told).toMatchObject({ tags: [{ image: nameOf("a"), relation: "current" }], queue: { rank: 1 }, pins: [] });
    expect(told.uniqueBytes).toBe(100_000 + image.config.size + image.manifest.length);
    const [layer] = image.layers;
    const blob = await api.explain(layer?.digest ?? "");
    expect(blob).toMatchObject({ kind: "blob", state: "present", size: 500_000, sharedBytes: 500_000, uniqueBytes: 0 });
    expect(blob.neededBy.flatMap(({ images }) => images).sort()).toEqual([nameOf("a"), nameOf("b")]);
  });

  it("says when and why it has left", async () => {
    const image = upstream.pushImage(repository, "a", { layers: [500_000] });
    await pullTag("a");
    await instance.settled();
    const { freedBytes } = await api.evict({ image: nameOf("a") });
    for (const subject of [nameOf("a"), image.digest]) {
      const { state, digest, departures } = await api.explain(subject);
      expect([state, digest]).toEqual(["absent", image.digest]);
      expect(departures).toMatchObject([{ image: nameOf("a"), reason: "operator", bytes: freedBytes }]);
    }
    await expect(api.explain(nameOf("never"))).rejects.toMatchObject({ status: 404 });
  });

  it("is there again when it comes back, with what has been", async () => {
    upstream.pushImage(repository, "a", { layers: [500_000] });
    await pullTag("a");
    await instance.settled();
    await api.evict({ image: nameOf("a") });
    await pullTag("a");
    await instance.settled();
    const { state, departures } = await explained("a");
    expect([state, departures.length]).toEqual(["present", 1]);
  });
});
