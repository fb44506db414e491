import Database from "better-sqlite3";
import { closeSync, copyFileSync, openSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { ApiRefused, type AdminApi } from "../support/admin-api.ts";
import { apiOf, expectInBudget, reconciled, storedFiles } from "../support/store.ts";
import { seededBlob, seededBytes, startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const pageBytes = 4096;
const dayMs = 86_400_000;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

beforeEach(async () => {
  [upstream, clock] = [await startUpstream({}), new SkippingClock()];
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  instance = await startInstance({ clock, settings: { limits: { attempts: 1 }, upstreams } });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const tags = ["1", "2", "3"];

async function pullAll(): Promise<void> {
  for (const tag of tags) {
    upstream.pushImage(repository, tag, { layers: [200_000, 1500] });
    expect((await pull(instance, repository, tag)).broken).toEqual([]);
  }
  await instance.settled();
}

function inData(name: string): string {
  return join(instance.directory, "data", name);
}

function overwrite(path: string, from: number, bytes: number): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.alloc(bytes, 0x5a), 0, bytes, from);
  closeSync(descriptor);
}

async function canBePulled(reference: string): Promise<boolean> {
  return (await pull(instance, repository, reference)).broken.length === 0;
}

/** A page of a table of the index of an instance that has stopped. */
function damagePageOf(table: string): void {
  const index = new Database(inData("index.db"), { readonly: true });
  const sql = "SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno DESC LIMIT 1";
  const page = index.prepare<[string], number>(sql).pluck().get(table) ?? 0;
  index.close();
  overwrite(inData("index.db"), (page - 1) * pageBytes, pageBytes);
}

const damages: [string, () => void][] = [
  ["has an overwritten first page", () => overwrite(inData("index.db"), 0, pageBytes)],
  [
    "has overwritten pages in the middle",
    () => overwrite(inData("index.db"), pageBytes, statSync(inData("index.db")).size - 2 * pageBytes),
  ],
  ...["tag", "blob", "manifest", "member", "edge", "sqlite_autoindex_blob_1"].map((table): [string, () => void] => [
    `has an overwritten page of ${table}`,
    () => damagePageOf(table),
  ]),
  ["is cut in half", () => truncateSync(inData("index.db"), statSync(inData("index.db")).size / 2)],
  ["is empty", () => truncateSync(inData("index.db"), 0)],
  ["is gone", () => rmSync(inData("index.db"))],
];

describe("an index that, after a clean stop,", () => {
  it.each(damages)("%s is begun anew from its copy: all is served by tag without the upstream", async (_, damage) => {
    await pullAll();
    await instance.stop();
    await upstream.stop();
    damage();
    instance = await instance.restart();
    for (const tag of tags) expect([tag, await canBePulled(tag)]).toEqual([tag, true]);
    await reconciled(instance);
    await expectInBudget(instance);
  });
});

describe("an index that, after a crash,", () => {
  /** The index with its log as it is while the instance runs: that is what a crash leaves. */
  async function crash(): Promise<void> {
    const names = ["index.db", "index.db-wal"];
    await pullAll();
    // A child process would do the same; here no descriptor of the index may be closed in this one.
    const { execFileSync } = await import("node:child_process");
    for (const name of names) execFileSync("cp", [inData(name), inData(`${name}.crashed`)]);
    await instance.stop();
    for (const name of names) copyFileSync(inData(`${name}.crashed`), inData(name));
    // What is damaged is the file itself, whatever of it was still in the log.
    const index = new Database(inData("index.db"));
    index.pragma("wal_checkpoint(TRUNCATE)");
    index.close();
  }

  it.each(damages)("%s is begun anew from its copy: the files are still there for whoever asks", async (_, damage) => {
    await crash();
    damage();
    instance = await instance.restart();
    await reconciled(instance);
    upstream.requests.clear();
    for (const tag of tags) expect([tag, await canBePulled(tag)]).toEqual([tag, true]);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(0);
    await expectInBudget(instance);
  });
});

describe("files whose index is lost without a copy", () => {
  async function loseIndex(): Promise<void> {
    await pullAll();
    await instance.stop();
    for (const name of ["index.db", "index.bak"]) rmSync(inData(name), { force: true });
    instance = await instance.restart();
  }

  it("are adopted: the next pull downloads no blob again", async () => {
    await loseIndex();
    await reconciled(instance);
    const files = storedFiles(instance).length;
    expect(await instance.metric("entrepot_adopted_blobs_total")).toBe(files);
    expect(await instance.metric("entrepot_store_blobs")).toBe(files);
    upstream.requests.clear();
    for (const tag of tags) expect(await canBePulled(tag)).toBe(true);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(0);
    expect(upstream.requests.count({ kind: "manifest-tag", method: "GET" })).toBe(tags.length);
    await upstream.stop();
    for (const tag of tags) expect(await canBePulled(tag)).toBe(true);
  });

  it("are served at once to whoever asks while they are being adopted", async () => {
    await loseIndex();
    upstream.requests.clear();
    for (const tag of tags) expect(await canBePulled(tag)).toBe(true);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(0);
  });

  it("are no orphans: an adopted image keeps its layers, and what nobody names goes after its grace", async () => {
    await pullAll();
    const orphan = upstream.pushBlob(repository, Buffer.alloc(70_000, 1));
    await instance.ask(`/v2/${repository}/blobs/${orphan}`);
    await loseIndex();
    await reconciled(instance);
    clock.skip(dayMs);
    await expect.poll(() => instance.metric("entrepot_evictions_total", { reason: "orphan" })).toBe(1);
    for (const tag of tags) expect(await canBePulled(tag)).toBe(true);
    await upstream.stop();
    for (const tag of tags) expect(await canBePulled(tag)).toBe(true);
    expect((await apiOf(instance).explain(orphan)).departures).toMatchObject([{ reason: "orphan", bytes: 70_000 }]);
  });

  it("are safe from an operator who makes room before their manifests have been adopted", async () => {
    // Adopted in the order of their digests: the layer long before the manifest that names it.
    const layer = seedOf((seed) => digestOf(seededBytes(seed, 50_000)), /^sha256:0/);
    const tag = seedOf((name) => pushWith(layer, name).digest, /^sha256:f/);
    const { digest, config, layers } = pushWith(layer, tag);
    upstream.tag(repository, tag, digest);
    expect(await canBePulled(tag)).toBe(true);
    await instance.settled();
    await loseIndex();
    const api = apiOf(instance);
    do await api.evict({ freeBytes: 1 }).catch((error: unknown) => expect(error).toBeInstanceOf(ApiRefused));
    while ((await instance.metric("entrepot_reconcile_ratio")) < 0.8);
    await reconciled(instance);
    // It may have gone, but only as a whole.
    const all = [digest, config.digest, ...layers.map((blob) => blob.digest)];
    const isHere = await Promise.all(all.map((one) => isPresent(api, one)));
    expect(isHere).toEqual(isHere.map(() => isHere[0]));
  });
});

/** What has gone is explained as such, or not known at all where it went without a trace. */
async function isPresent(api: AdminApi, digest: string): Promise<boolean> {
  try {
    return (await api.explain(digest)).state === "present";
  } catch (error) {
    expect(error).toMatchObject({ status: 404 });
    return false;
  }
}

/** The first of many names of which what it leads to has a digest like that. */
function seedOf(digest: (seed: string) => string, wanted: RegExp): string {
  for (let number = 0; ; number += 1) if (wanted.test(digest(String(number)))) return String(number);
}

function pushWith(layerSeed: string, name: string): PushedImage {
  return upstream.pushImage(repository, undefined, { layers: [seededBlob(layerSeed, 50_000), seededBlob(name, 100)] });
}
