import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobDocument } from "../../src/admin/index.ts";
import type { AdminApi } from "../support/admin-api.ts";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { createGate, startUpstream, temperaments, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;
const MiB = 1024 * 1024;

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let clock: SkippingClock;

async function start(settings: Record<string, unknown> = {}): Promise<void> {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  instance = await startInstance({
    clock,
    settings: {
      limits: { attempts: 1 },
      upstreams: { "docker.io": { endpoints: [upstream.url], deny: ["library/secret"] } },
      ...settings,
    },
  });
  api = apiOf(instance);
  await reconciled(instance);
}

beforeEach(() => start());

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

interface WarmResult {
  fetched: { images: number; blobs: number; bytes: number };
  present: { blobs: number; bytes: number };
  failed: { image: string; error: string }[];
}

function resultOf(job: JobDocument): WarmResult {
  expect(job.state).toBe("done");
  return job.result as WarmResult;
}

function pushPlatforms(...architectures: string[]): PushedImage[] {
  const images = architectures.map((architecture) =>
    upstream.pushImage(repository, undefined, { platform: { os: "linux", architecture }, layers: [2000] }),
  );
  upstream.pushIndex(repository, "1", ...images);
  return images;
}

/** Which of the images have been fetched, by what the upstream was asked for. */
function fetched(images: readonly PushedImage[]): string[] {
  const asked = new Set(upstream.requests.filter({ kind: "blob", method: "GET" }).map(({ reference }) => reference));
  return images.flatMap(({ layers, platform }) =>
    layers.every(({ digest }) => asked.has(digest)) ? [platform.architecture] : [],
  );
}

describe("a warmed image", () => {
  it("is pulled whole without the upstream, each of its blobs was fetched once, and it is leased", async () => {
    const { digest, manifest, config, layers } = upstream.pushImage(repository, "1", { layers: [300_000, 1500, 1500] });
    const job = await api.warm(image);
    const bytes = manifest.length + [config, ...layers].reduce((sum, { size }) => sum + size, 0);
    expect(resultOf(job)).toEqual({
      fetched: { images: 1, blobs: 5, bytes },
      present: { blobs: 0, bytes: 0 },
      failed: [],
    });
    const counts = { bytes, totalBytes: bytes, blobs: 5, totalBlobs: 5 };
    const details = { fetchedBytes: bytes, fetchedBlobs: 5, presentBlobs: 0, error: null };
    expect(job.items).toEqual([{ image, state: "done", ...counts, ...details }]);
    expect(job.progress).toEqual(counts);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(4);
    expect((await api.explain(digest)).leasedUntil).not.toBeNull();
    await expectInBudget(instance);
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
  });

  it("costs nothing the second time, and that it is here is said", async () => {
    upstream.pushImage(repository, "1", { layers: [3000] });
    const first = resultOf(await api.warm(image));
    upstream.requests.clear();
    expect(resultOf(await api.warm(image))).toEqual({
      fetched: { images: 0, blobs: 0, bytes: 0 },
      present: { blobs: first.fetched.blobs, bytes: first.fetched.bytes },
      failed: [],
    });
    expect(upstream.requests.count()).toBe(0);
  });

  it("shares a layer with another one that is warmed at the same time: it is fetched once", async () => {
    const shared = Buffer.alloc(500_000, 7);
    const names = ["a", "b", "c"].map((name) => {
      upstream.pushImage(`library/${name}`, "1", { layers: [shared, 1000] });
      return `docker.io/library/${name}:1`;
    });
    const result = resultOf(await api.warm(...names));
    expect([result.failed, result.fetched.images]).toEqual([[], 3]);
    expect(upstream.requests.bytes({ kind: "blob", method: "GET" })).toBeLessThan(2 * shared.length);
    await expectInBudget(instance);
  });

  it("joins the download of a client", async () => {
    const gate = createGate();
    const { layers } = upstream.pushImage(repository, "1", { layers: [3 * MiB] });
    upstream.misbehave({ on: "blob", reference: layers[0]?.digest ?? "", temperament: temperaments.gated(gate, MiB) });
    const pulling = instance.ask(`/v2/${repository}/blobs/${layers[0]?.digest ?? ""}`);
    await gate.reached();
    const id = await api.startWarm({ images: [image] });
    await upstream.requests.waitFor({ kind: "blob", method: "GET" }, 2);
    gate.release();
    const result = resultOf(await api.endOf(id));
    expect([result.fetched.blobs, result.present.blobs]).toEqual([2, 1]);
    expect((await pulling).isShort).toBe(false);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(2);
  });
});

describe("the platforms of an index that are warmed", () => {
  it("are the usual ones where nothing of it is here", async () => {
    const images = pushPlatforms("amd64", "arm64", "s390x");
    expect(resultOf(await api.warm(image)).failed).toEqual([]);
    expect(fetched(images)).toEqual(["amd64", "arm64"]);
  });

  it("are those that are here already, also where the tag has moved since", async () => {
    pushPlatforms("amd64", "s390x");
    await pull(instance, repository, "1", { platforms: ["linux/s390x"] });
    const moved = ["amd64", "s390x"].map((architecture) =>
      upstream.pushImage(repository, undefined, { platform: { os: "linux", architecture }, layers: [5000] }),
    );
    upstream.pushIndex(repository, "1", ...moved);
    clock.skip(2 * 60_000);
    await api.warm(image);
    expect(fetched(moved)).toEqual(["s390x"]);
  });

  it("are all where it has none of the usual ones", async () => {
    const images = pushPlatforms("riscv64", "s390x");
    await api.warm(image);
    expect(fetched(images)).toEqual(["riscv64", "s390x"]);
  });

  it.each([
    [["linux/s390x"], ["s390x"]],
    [["all"], ["amd64", "arm64", "s390x"]],
  ])("are those that are asked for: %j", async (platforms, wanted) => {
    const images = pushPlatforms("amd64", "arm64", "s390x");
    await api.endOf(await api.startWarm({ images: [image], platforms }));
    expect(fetched(images)).toEqual(wanted);
  });

  it("fail in words where the image does not have one", async () => {
    pushPlatforms("amd64", "arm64");
    const job = await api.endOf(await api.startWarm({ images: [image], platforms: ["linux/s390x"] }));
    const error = "it has no linux/s390x, only linux/amd64, linux/arm64";
    expect(resultOf(job).failed).toEqual([{ image, error }]);
    expect(upstream.requests.count({ kind: "blob" })).toBe(0);
  });
});

describe("an image that cannot be warmed", () => {
  it("does not stop the others, and says why", async () => {
    upstream.pushImage(repository, "1", { layers: [1000] });
    const broken = upstream.pushImage("library/broken", "1", { layers: [2000] });
    upstream.misbehave({ on: "blob", repository: "library/broken", temperament: temperaments.wrongByte(3) });
    expect(broken.layers).toHaveLength(1);
    const names = ["absent", "secret", "broken"].map((name) => `docker.io/library/${name}:1`);
    const result = resultOf(await api.warm(...names, image, "registry.example/a:1"));
    expect(result.fetched.blobs).toBeGreaterThanOrEqual(3);
    const failed = Object.fromEntries(result.failed.map((one) => [one.image, one.error]));
    expect(failed).toEqual({
      "docker.io/library/absent:1": "docker.io/library/absent has no such manifest",
      "docker.io/library/secret:1": expect.stringContaining("upstreams.docker.io.deny") as string,
      "docker.io/library/broken:1": expect.stringContaining("do not have the digest asked for") as string,
      "registry.example/a:1": "registry.example is not configured",
    });
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
  });

  it("is one for which there is no room: what is pinned stays", async () => {
    await instance.remove();
    await upstream.close();
    await start({ storage: { maxSize: "4MiB", minFree: "1MiB" } });
    upstream.pushImage("library/pinned", "1", { layers: [2 * MiB] });
    await pull(instance, "library/pinned", "1");
    await instance.settled();
    await api.pin("docker.io/library/pinned:1");
    upstream.pushImage(repository, "1", { layers: [3 * MiB] });
    const [failed] = resultOf(await api.warm(image)).failed;
    expect(failed?.error).toContain("no room for it in storage.maxSize");
    await expectInBudget(instance);
    await upstream.stop();
    expect((await pull(instance, "library/pinned", "1")).broken).toEqual([]);
  });

  it("is one whose manifest would be one of the few pulls that an upstream still allows", async () => {
    const quota = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "9;w=21600" };
    upstream.misbehave({ on: "any", temperament: temperaments.headers(quota) });
    upstream.pushImage(repository, "1", { layers: [1000] });
    upstream.pushImage("library/other", "1", { layers: [2000] });
    await pull(instance, "library/other", "1");
    upstream.requests.clear();
    const other = "docker.io/library/other:1";
    const result = resultOf(await api.warm(image, other));
    expect(result.failed).toEqual([{ image, error: expect.stringContaining("9 of 100 pulls are left") as string }]);
    expect(upstream.requests.count({ kind: "manifest-tag", method: "GET" })).toBe(0);
    // A tag that has moved would be another.
    upstream.pushImage("library/other", "1", { layers: [3000] });
    clock.skip(2 * 60_000);
    expect(resultOf(await api.warm(other)).failed[0]?.error).toContain("the tag has moved");
    // Clients are still served.
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
  });
});

describe("warming that is cancelled", () => {
  it("keeps what is there, and goes on from there when it is begun again", async () => {
    const gate = createGate();
    const { layers } = upstream.pushImage(repository, "1", { layers: [1000, 40 * MiB] });
    const waiting = upstream.pushImage("library/waiting", "1", { layers: [1000] });
    const large = layers[1]?.digest ?? "";
    const rule = upstream.misbehave({ on: "blob", reference: large, temperament: temperaments.gated(gate, 5 * MiB) });
    const other = "docker.io/library/waiting:1";
    const id = await api.startWarm({ images: [image, other], parallel: 1 });
    await eventually(async () => {
      const [item] = (await api.job(id)).items ?? [];
      expect([(item?.bytes ?? 0) > 5 * MiB, item?.blobs]).toEqual([true, 3]);
    }, 10_000);
    await api.cancel(id);
    const cancelled = await api.endOf(id);
    expect([cancelled.state, cancelled.items?.map(({ state }) => state)]).toEqual([
      "cancelled",
      Array(2).fill("cancelled"),
    ]);
    // Nobody reads the fill any more: after a while it stops, and its part is kept.
    clock.skip(6000);
    await instance.settled();
    rule.stop();
    upstream.requests.clear();
    const result = resultOf(await api.warm(image, other));
    expect(result).toMatchObject({ fetched: { images: 2, blobs: 4 }, present: { blobs: 3 }, failed: [] });
    const again = upstream.requests.filter({ kind: "blob", reference: large, method: "GET" });
    expect(again.map(({ range }) => range)).toEqual([`bytes=${5 * MiB}-`]);
    const [small] = layers;
    expect(upstream.requests.count({ kind: "blob", reference: small?.digest })).toBe(0);
    expect(upstream.requests.count({ kind: "blob", reference: waiting.layers[0]?.digest })).toBe(1);
    expect(await instance.staging()).toEqual([]);
    gate.release();
  });

  it("makes room for the next: two at the same time are refused", async () => {
    const gate = createGate();
    upstream.pushImage(repository, "1", { layers: [1000] });
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate) });
    const id = await api.startWarm({ images: [image] });
    await expect(api.startWarm({ images: [image] })).rejects.toThrow(`a warming runs already, as job ${id}`);
    gate.release();
    await api.endOf(id);
    expect(resultOf(await api.warm(image)).present.blobs).toBe(3);
  });

  it("ends with the instance", async () => {
    const gate = createGate();
    upstream.pushImage(repository, "1", { layers: [1000] });
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate) });
    await api.startWarm({ images: [image] });
    await gate.reached();
    await instance.stop();
    expect(instance.log.filter(({ level }) => level === "error")).toEqual([]);
    gate.release();
  });
});
