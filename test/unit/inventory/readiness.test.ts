import { describe, expect, it } from "vitest";
import type { Readiness } from "../../../src/inventory/index.ts";
import { alpine, latest } from "../metadata/fixtures.ts";
import { minute } from "../eviction/world.ts";
import { openShelf, type Shelf } from "./shelf.ts";

const amd64 = "linux/amd64";
const arm64 = "linux/arm64";
/** A busy machine takes its time. */
const patient = { timeout: 15_000 };

async function readiness({ images }: Shelf, platforms?: string[]): Promise<Readiness | undefined> {
  const judged = await images({ isOfflineReady: true, platforms });
  const rest = await images({ isOfflineReady: false, platforms });
  const items = [...judged.items, ...rest.items];
  expect(items.map(({ offlineReady }) => offlineReady.isReady)).toEqual(judged.items.length === 1 ? [true] : [false]);
  return items[0]?.offlineReady;
}

describe("an image without an index", () => {
  it("is ready when manifest, config and all layers are here, for any platform", async () => {
    const shelf = await openShelf();
    await shelf.put("image", { tag: "latest" });
    const ready = { isReady: true, platforms: [undefined], missing: [], why: undefined };
    expect(await readiness(shelf)).toEqual(ready);
    expect(await readiness(shelf, [arm64])).toEqual(ready);
  });

  it.each(["a layer", "config of image"])("is not ready without %s, and says what is missing", async (lost) => {
    const shelf = await openShelf();
    await shelf.put("image", { layers: { "a layer": 3000 }, tag: "latest" });
    await shelf.world.index.forgetFile(shelf.world.digest(lost));
    const found = await readiness(shelf);
    expect(found).toMatchObject({ isReady: false, platforms: [], why: "parts of it are missing" });
    expect(found?.missing.map(({ digest }) => shelf.world.nameOf(digest))).toContain(lost);
  });

  it("is not ready without its manifest, or where its parts are not known", async () => {
    const shelf = await openShelf();
    await shelf.put("image", { tag: "latest" });
    await shelf.world.index.forgetFile(shelf.world.digest("image"));
    expect(await readiness(shelf)).toMatchObject({
      why: "its manifest is not here",
      missing: [{ what: "manifest", digest: shelf.world.digest("image") }],
    });
    await shelf.world.putImage("without edges", { layers: {}, tag: "latest" });
    expect(await readiness(shelf)).toMatchObject({ why: "what its manifest needs is not known", missing: [] });
  });
});

describe("an index", () => {
  it("is ready with one platform whole and nothing of another", async () => {
    const shelf = await openShelf();
    await shelf.put("amd");
    await shelf.world.putIndex("index", { children: { amd: amd64, arm: arm64 }, tag: "latest" });
    expect(await readiness(shelf)).toEqual({ isReady: true, platforms: [amd64], missing: [], why: undefined });
    expect(await readiness(shelf, [amd64])).toMatchObject({ isReady: true });
    expect(await readiness(shelf, [amd64, arm64])).toMatchObject({
      ...{ isReady: false, platforms: [amd64], why: "parts are missing for linux/arm64" },
      missing: [{ platform: arm64, digest: shelf.world.digest("arm"), what: "manifest" }],
    });
    expect(await readiness(shelf, ["linux/riscv64"])).toMatchObject({
      ...{ isReady: false, missing: [], why: "its index names no image for linux/riscv64" },
    });
    const [image] = (await shelf.images()).items;
    expect(image?.platforms).toEqual([
      { platform: amd64, digest: shelf.world.digest("amd"), isHere: true, isComplete: true },
      { platform: arm64, digest: shelf.world.digest("arm"), isHere: false, isComplete: false },
    ]);
  });

  it("is not ready as long as a platform that has been begun lacks something", async () => {
    const shelf = await openShelf();
    await shelf.put("amd");
    await shelf.put("arm", { layers: { here: 1000, gone: 2000 }, lacks: ["gone"] });
    await shelf.world.putIndex("index", { children: { amd: amd64, arm: arm64 }, tag: "latest" });
    const missing = [{ platform: arm64, digest: shelf.world.digest("gone"), what: "layer", bytes: 2000 }];
    expect(await readiness(shelf)).toMatchObject({ isReady: false, platforms: [amd64], missing });
    expect(await readiness(shelf, [amd64])).toMatchObject({ isReady: true });
  });

  it("is not ready where nothing of it, or not its own document, is here", async () => {
    const shelf = await openShelf();
    await shelf.world.putIndex("index", { children: { amd: amd64 }, tag: "latest" });
    expect(await readiness(shelf)).toMatchObject({
      why: "no image of it has been pulled",
      missing: [{ what: "manifest" }],
    });
    await shelf.put("amd");
    expect(await readiness(shelf)).toMatchObject({ isReady: true });
    await shelf.world.index.forgetFile(shelf.world.digest("index"));
    expect(await readiness(shelf)).toMatchObject({
      ...{ isReady: false, platforms: [], missing: [{ what: "manifest", digest: shelf.world.digest("index") }] },
    });
  });

  it("is looked into through an index below it, and its attestations do not count", async () => {
    const shelf = await openShelf();
    await shelf.put("amd");
    await shelf.put("attestation", { lacks: ["layer of attestation"] });
    await shelf.world.putIndex("inner", { children: { amd: amd64 } });
    await shelf.world.putIndex("outer", {
      children: { inner: undefined, attestation: "unknown/unknown" },
      tag: "latest",
    });
    expect(await readiness(shelf)).toEqual({ isReady: true, platforms: [amd64], missing: [], why: undefined });
  });
});

describe("a tag", () => {
  it("is ready as long as it would be served without its upstream", async () => {
    const shelf = await openShelf();
    const { policy, world } = shelf;
    await shelf.put("image", { tag: "latest" });
    const until = world.clock.now() + minute;
    policy.servedUntil = ({ goneSince }) => (goneSince === undefined ? until : 0);
    expect(await readiness(shelf)).toMatchObject({ isReady: true });
    world.clock.advance(minute);
    expect(await readiness(shelf)).toMatchObject({
      why: "the upstream last confirmed it longer ago than tags.staleFor",
    });
    await world.index.markTagGone(alpine, latest, world.clock.now());
    expect(await readiness(shelf)).toMatchObject({ why: "the upstream has said that it is gone (tags.onGone)" });
    await world.index.holdTag(alpine, latest, world.digest("image"));
    expect(await readiness(shelf)).toMatchObject({ isReady: true });
  });

  it("is not ready where nobody gets it, or a part of it", async () => {
    const shelf = await openShelf();
    const { policy, world } = shelf;
    await shelf.put("image", { layers: { layer: 100 }, tag: "latest" });
    policy.isDenied = (digest) => digest === world.digest("layer");
    expect(await readiness(shelf)).toMatchObject({ why: `${world.digest("layer")} is denied here (denyDigests)` });
    policy.refusal = () => "it is not served here";
    await world.tag("again", "image");
    expect((await shelf.images({ isOfflineReady: false })).items[1]?.offlineReady.why).toBe("it is not served here");
    policy.access = "upstream";
    await world.tag("again", "image");
    expect((await shelf.images({ isOfflineReady: true })).total).toBe(0);
  });

  it("is not ready with passwords of our own where a layer was proven for another repository only", async () => {
    const shelf = await openShelf();
    shelf.policy.access = "basic";
    const elsewhere = { upstream: "ghcr.io", name: "team/other" as typeof alpine.name };
    await shelf.world.putBlob("base", 1000, elsewhere);
    await shelf.put("image", { layers: { base: 1000 }, tag: "latest" });
    expect(await readiness(shelf)).toMatchObject({ isReady: false, missing: [{ digest: shelf.world.digest("base") }] });
    await shelf.world.index.recordMember(alpine, shelf.world.digest("base"), 1000);
    expect(await readiness(shelf)).toMatchObject({ isReady: true });
  });
});

describe("the count of tags", () => {
  it("is made when it begins, then once a minute at the most, and only after something has changed", async () => {
    const shelf = await openShelf();
    const { world, inventory } = shelf;
    await shelf.put("image", { tag: "latest" });
    expect(inventory.offline).toEqual({ ready: 0, incomplete: 0, countedAt: undefined });
    inventory.begin();
    await expect.poll(() => inventory.offline.ready, patient).toBe(1);
    const { countedAt } = inventory.offline;
    await shelf.put("part", { lacks: ["layer of part"], tag: "part" });
    await expect.poll(() => world.clock.pendingTimers, patient).toBeGreaterThan(0);
    world.clock.advance(minute);
    await expect.poll(() => inventory.offline, patient).toMatchObject({ ready: 1, incomplete: 1 });
    expect(inventory.offline.countedAt).toBeGreaterThan(countedAt ?? Infinity);
    const again = inventory.offline;
    await expect.poll(() => world.clock.pendingTimers, patient).toBeGreaterThan(0);
    world.clock.advance(10 * minute);
    expect(inventory.offline).toBe(again);
  });
});
