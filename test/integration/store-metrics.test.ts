import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const MB = 1_000_000;

let upstream: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  instance = await startInstance({ settings: { storage: { maxSize: "8MB", minFree: "1MiB" }, upstreams } });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function metric(name: string, labels?: Record<string, string>): Promise<number> {
  return instance.metric(`entrepot_${name}`, labels);
}

async function metricsText(): Promise<string> {
  return (await fetch(`${instance.adminUrl}/metrics`)).text();
}

const counters = [
  "evicted_bytes_total",
  "scrubbed_bytes_total",
  "corrupt_blobs_total",
  "quarantined_blobs_total",
  "adopted_blobs_total",
];
const gauges = ["store_bytes", "store_reserved_bytes", "store_blobs", "store_manifests", "store_passthrough"];

describe("the metrics of the store", () => {
  it("are all there at 0 before anything has happened, each reason of its own", async () => {
    const text = await metricsText();
    for (const name of [...counters, ...gauges, "leases", "pins"]) expect(text).toContain(`\nentrepot_${name} 0\n`);
    for (const reason of ["budget", "min_free", "watermark", "orphan", "operator"]) {
      expect(text).toContain(`\nentrepot_evictions_total{reason="${reason}"} 0\n`);
    }
    for (const reason of ["budget", "no_space", "io", "database", "range"]) {
      expect(text).toContain(`\nentrepot_uncached_passes_total{reason="${reason}"} 0\n`);
    }
    expect([await metric("store_max_bytes"), await metric("reconcile_ratio")]).toEqual([8 * MB, 1]);
    expect(await metric("store_free_bytes")).toBeGreaterThan(0);
  });

  it("say what is reserved while a fill runs, and what is stored when it has ended", async () => {
    const image = upstream.pushImage(repository, "1", { layers: [3 * MB] });
    const gate = createGate();
    const [layer] = image.layers;
    const rule = { on: "blob" as const, ...(layer && { reference: layer.digest }) };
    upstream.misbehave({ ...rule, temperament: temperaments.gated(gate, MB) });
    const pulling = pull(instance, repository, "1");
    await gate.reached();
    await expect.poll(() => metric("store_reserved_bytes")).toBe(3 * MB);
    gate.release();
    expect((await pulling).broken).toEqual([]);
    await instance.settled();
    const bytes = image.manifest.length + image.config.size + 3 * MB;
    const after = ["store_bytes", "store_blobs", "store_manifests", "store_reserved_bytes", "leases"].map((name) =>
      metric(name),
    );
    expect(await Promise.all(after)).toEqual([bytes, 3, 1, 0, 1]);
    expect(await metric("fetched_bytes_total", { upstream: "docker.io" })).toBe(bytes);
  });

  it("follow what leaves, and what is pinned", async () => {
    for (const tag of ["1", "2"]) {
      upstream.pushImage(repository, tag, { layers: [MB] });
      await pull(instance, repository, tag);
    }
    await instance.settled();
    const api = apiOf(instance);
    await api.pin(`docker.io/${repository}:2`);
    const { freedBytes } = await api.evict({ image: `docker.io/${repository}:1` });
    const left = ["pins", "store_manifests", "store_blobs", "leases", "evicted_bytes_total"].map((name) =>
      metric(name),
    );
    expect(await Promise.all(left)).toEqual([1, 1, 3, 1, freedBytes]);
    expect(await metric("evictions_total", { reason: "operator" })).toBe(1);
    await api.unpin(`docker.io/${repository}:2`);
    expect(await metric("pins")).toBe(0);
  });
});
