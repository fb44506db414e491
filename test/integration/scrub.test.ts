import { chmodSync, closeSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobPath } from "../../src/blobstore/index.ts";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, expectInBudget, reconciled } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const dayMs = 86_400_000;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;
let image: PushedImage;

beforeEach(async () => {
  [upstream, clock] = [await startUpstream({}), new SkippingClock()];
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  const settings = { limits: { attempts: 1 }, scrub: { every: "10d", rate: "1GiB/s" }, upstreams };
  instance = await startInstance({ clock, settings });
  await reconciled(instance);
  image = upstream.pushImage(repository, "1", { layers: [2_000_000, 50_000] });
  expect((await pull(instance, repository, "1")).broken).toEqual([]);
  await instance.settled();
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function spoilLayer(): string {
  const [layer] = image.layers;
  if (!layer) throw new Error("an image has layers");
  const path = blobPath(join(instance.directory, "data"), layer.digest);
  chmodSync(path, 0o644);
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.from([0xff, 0xff]), 0, 2, 1_000_000);
  closeSync(descriptor);
  return layer.digest;
}

async function metrics(...names: string[]): Promise<number[]> {
  return Promise.all(names.map((name) => instance.metric(`entrepot_${name}`)));
}

const counts = ["corrupt_blobs_total", "quarantined_blobs_total", "scrubbed_bytes_total"];

/** The next look for what is due comes after an idle time; once it has begun, no more time goes by: it would run out for what follows. */
async function letTimeGoBy(days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) clock.skip(dayMs);
  const hasBegun = async (): Promise<boolean> => ((await metrics("scrubbed_bytes_total"))[0] ?? 0) > 0;
  const isSoon = (): Promise<boolean> =>
    eventually(async () => expect(await hasBegun()).toBe(true), 2000).then(
      () => true,
      () => false,
    );
  for (let attempts = 0; attempts < 5 && !(await isSoon()); attempts += 1) clock.skip(60_000 * 60);
}

describe("the scrub", () => {
  it("reads nothing before a file's time has come", async () => {
    spoilLayer();
    for (let day = 0; day < 9; day += 1) clock.skip(dayMs);
    expect(await metrics(...counts)).toEqual([0, 0, 0]);
  });

  it("finds a byte that has flipped, moves the file to quarantine and fetches it again, with nobody asking", async () => {
    const digest = spoilLayer();
    upstream.requests.clear();
    await letTimeGoBy(10);
    await eventually(async () => expect(await metrics(...counts.slice(0, 2))).toEqual([1, 1]), 5000);
    await eventually(async () => expect((await apiOf(instance).explain(digest)).state).toBe("present"), 5000);
    await instance.settled();
    expect(upstream.requests.filter({ kind: "blob", method: "GET" }).map(({ reference }) => reference)).toEqual([
      digest,
    ]);
    expect(readdirSync(join(instance.directory, "data", "quarantine"))).toHaveLength(1);
    const bytes = await expectInBudget(instance);
    await eventually(async () => expect((await metrics("scrubbed_bytes_total"))[0]).toBe(bytes));
    await upstream.stop();
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
  });

  it("gives up what it finds without the upstream too, and the next pull brings it back", async () => {
    spoilLayer();
    await upstream.stop();
    await letTimeGoBy(10);
    await eventually(async () => expect(await metrics(...counts.slice(0, 2))).toEqual([1, 1]), 5000);
    expect((await pull(instance, repository, "1")).broken.map(({ isShort }) => isShort)).toEqual([false]);
    await upstream.restart();
    // The breaker may have opened meanwhile.
    clock.skip(31_000);
    expect((await pull(instance, repository, "1")).broken).toEqual([]);
    await expectInBudget(instance);
  });

  it("finds right files right, and does not read them again before their time", async () => {
    await letTimeGoBy(10);
    const bytes = await expectInBudget(instance);
    await eventually(async () => expect(await metrics(...counts)).toEqual([0, 0, bytes]));
    for (let day = 0; day < 5; day += 1) clock.skip(dayMs);
    expect(await metrics(...counts)).toEqual([0, 0, bytes]);
  });
});
