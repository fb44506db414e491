import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobPath } from "../../src/blobstore/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import type { AdminApi } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let settings: Record<string, unknown>;

beforeEach(async () => {
  upstream = await startUpstream({});
  settings = { limits: { attempts: 1 }, upstreams: { "docker.io": { endpoints: [upstream.url] } } };
  instance = await startInstance({ settings });
  api = apiOf(instance);
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function publish(tag: string): Promise<PushedImage> {
  const image = upstream.pushImage(repository, tag, { layers: [300_000, 1500] });
  expect((await pull(instance, repository, tag)).broken).toEqual([]);
  await instance.settled();
  return image;
}

function fileOf(digest: Digest): string {
  return blobPath(join(instance.directory, "data"), digest);
}

describe("a verification", () => {
  it("finds nothing where all is well", async () => {
    const image = await publish("1");
    const job = await api.verify();
    const bytes = await expectInBudget(instance);
    expect(job).toMatchObject({ state: "done", result: { blobs: 4, bytes, findings: [] } });
    expect((await api.explain(image.digest)).lastVerifiedAt).not.toBeNull();
  });

  it("tells what is wrong and what is missing, and both are fetched again", async () => {
    const image = await publish("1");
    const [layer] = image.layers;
    if (!layer) throw new Error("an image has layers");
    chmodSync(fileOf(layer.digest), 0o644);
    writeFileSync(fileOf(layer.digest), Buffer.alloc(layer.size));
    rmSync(fileOf(image.config.digest));
    upstream.requests.clear();
    const job = await api.verify();
    const findings = [
      { digest: layer.digest, problem: "wrong" },
      { digest: image.config.digest, problem: "missing" },
    ];
    expect(job.state).toBe("done");
    expect((job.result as { findings: object[] }).findings).toHaveLength(2);
    expect((job.result as { findings: object[] }).findings).toEqual(expect.arrayContaining(findings));
    await expectInBudget(instance);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(2);
    expect(await instance.metric("entrepot_corrupt_blobs_total")).toBe(1);
    expect(await instance.metric("entrepot_quarantined_blobs_total")).toBe(1);
    expect(readdirSync(join(instance.directory, "data", "quarantine"))).toHaveLength(1);
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
    expect((await api.verify()).result).toMatchObject({ findings: [] });
  });
});

describe("a backup", () => {
  it("is a data directory from which another instance serves all, by tag and by digest, without the upstream", async () => {
    const images = [await publish("1"), await publish("2")];
    await api.pin(`docker.io/${repository}:1`);
    const target = join(instance.directory, "backup");
    const job = await api.backup(target);
    expect(job).toMatchObject({ state: "done", result: { blobs: 8, skipped: 0 } });
    await upstream.stop();
    const second = await startInstance({ settings: { ...settings, dataDir: target } });
    try {
      for (const reference of ["1", "2", ...images.map(({ digest }) => digest)]) {
        expect((await pull(second, repository, reference)).broken).toEqual([]);
      }
      expect((await apiOf(second).pins()).items).toHaveLength(1);
    } finally {
      await second.remove();
    }
  });

  it("does not change any more when the original goes on", async () => {
    await publish("1");
    const target = join(instance.directory, "backup");
    await api.backup(target);
    await api.evict({ image: `docker.io/${repository}:1` });
    await publish("2");
    await upstream.stop();
    const second = await startInstance({ settings: { ...settings, dataDir: target } });
    try {
      expect((await pull(second, repository, "1")).broken).toEqual([]);
      expect((await pull(second, repository, "2")).broken).not.toEqual([]);
    } finally {
      await second.remove();
    }
  });

  it("is made nowhere where it would do harm", async () => {
    const inside = await api.backup(join(instance.directory, "data", "backup"));
    expect([inside.state, inside.error]).toEqual(["failed", expect.stringContaining("inside the data directory")]);
    const full = await api.backup(instance.directory);
    expect([full.state, full.error]).toEqual(["failed", expect.stringContaining("not empty")]);
    expect(existsSync(join(instance.directory, "data", "backup"))).toBe(false);
  });
});
