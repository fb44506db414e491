import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AdminApi } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { sha256 } from "../support/reply.ts";
import { apiOf, expectInBudget, reconciled, storedFiles } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const name = `docker.io/${repository}:1`;
/** More than the buffers of a connection hold: its file stays open until the client has read on. */
const layerBytes = 30_000_000;

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let image: PushedImage;

beforeEach(async () => {
  upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  instance = await startInstance({ settings: { storage: { maxSize: "50MB", minFree: "1MiB" }, upstreams } });
  api = apiOf(instance);
  await reconciled(instance);
  image = upstream.pushImage(repository, "1", { layers: [layerBytes] });
  expect((await pull(instance, repository, "1")).broken).toEqual([]);
  await instance.settled();
  upstream.requests.clear();
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

/** A client that has the response header and reads no further until it is told to; resolves to the digest of what it read. */
async function openLayer(): Promise<{ finish: () => Promise<string> }> {
  const { body } = await instance.open(`/v2/${repository}/blobs/${image.layers[0]?.digest ?? ""}`);
  return { finish: async () => sha256(Buffer.from(await body.arrayBuffer())) };
}

describe("a layer that is being read while its image is evicted", () => {
  it("is read to its end, and its file goes then", async () => {
    const reading = await openLayer();
    expect((await api.evict({ image: name })).freedBytes).toBeGreaterThan(layerBytes);
    // It still takes its space, and is counted.
    expect(await instance.metric("entrepot_store_bytes")).toBe(layerBytes);
    expect((await api.explain(image.layers[0]?.digest ?? "")).state).toBe("doomed");
    expect(await reading.finish()).toBe(image.layers[0]?.digest);
    await expect.poll(() => storedFiles(instance)).toEqual([]);
    expect(await expectInBudget(instance)).toBe(0);
    expect(upstream.requests.count()).toBe(0);
  });

  it("is not downloaded again by those who pull the image meanwhile, and stays for them", async () => {
    const reading = await openLayer();
    await api.evict({ image: name });
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
    expect(await reading.finish()).toBe(image.layers[0]?.digest);
    const bytes = await expectInBudget(instance);
    expect(bytes).toBeGreaterThan(layerBytes);
    const fetched = upstream.requests.filter({ kind: "blob", method: "GET" }).map(({ reference }) => reference);
    expect(fetched).toEqual([image.config.digest]);
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
  });

  it("is not what makes room for others: it could not go yet", async () => {
    const reading = await openLayer();
    upstream.pushImage(repository, "2", { layers: [25_000_000] });
    expect((await pull(instance, repository, "2")).broken).toEqual([]);
    expect(await instance.metric("entrepot_uncached_passes_total", { reason: "budget" })).toBeGreaterThan(0);
    expect(await reading.finish()).toBe(image.layers[0]?.digest);
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
    expect(await expectInBudget(instance)).toBeGreaterThan(layerBytes);
  });
});
