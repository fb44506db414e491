import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { reconciled } from "../support/store.ts";
import { startUpstream } from "../upstream/index.ts";

/** The third failure may be noticed after the answers; so is the probe. */
const patiently = { timeout: 20_000 };

test("a store that keeps failing is set aside, pulls pass through it, each reason is counted, until it is back", async () => {
  const upstream = await startUpstream({});
  const clock = new SkippingClock();
  const instance = await startInstance({
    clock,
    settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } },
  });
  onTestFinished(async () => {
    await instance.remove();
    await upstream.close();
  });
  await reconciled(instance);
  const ingest = join(instance.directory, "data", "ingest");
  const isSetAside = (): Promise<number> => instance.metric("entrepot_store_passthrough");

  await rm(ingest, { recursive: true });
  for (const tag of ["1", "2"]) {
    upstream.pushImage("library/demo", tag, { layers: [1000] });
    expect((await pull(instance, "library/demo", tag)).broken).toEqual([]);
  }
  await expect.poll(isSetAside, patiently).toBe(1);
  expect(await instance.metric("entrepot_uncached_passes_total", { reason: "io" })).toBeGreaterThan(2);

  await mkdir(ingest);
  clock.skip(60_000);
  await expect.poll(isSetAside, patiently).toBe(0);
});
