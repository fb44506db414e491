import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { blobPath, StoreError } from "../../../src/blobstore/index.ts";
import { parseImageName } from "../../../src/oci/index.ts";
import { storeWith } from "../cache/store-with.ts";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, Gate, hour, MiB, World, type WorldOptions } from "./world.ts";

describe("what is read or filled", () => {
  test("is never taken, nor is the image that alone needs it", async () => {
    const world = await World.open();
    await world.putImage("read");
    await world.putImage("other");
    const giveBack = world.eviction.hold(world.digest("layer of read"));
    expect(world.victims(await world.evict(1000 * MiB))).toEqual(["other"]);
    expect((await world.evict(1)).freedBytes).toBe(0);
    giveBack();
    expect(world.victims(await world.evict(1))).toEqual(["read"]);
  });

  test("does not keep one of two images that share it, but the last of them", async () => {
    const world = await World.open();
    await world.putImage("one", { layers: { base: 4 * MiB, first: 2 * MiB } });
    await world.putImage("two", { layers: { base: 4 * MiB, second: 2 * MiB } });
    world.eviction.hold(world.digest("base"));
    expect(world.victims(await world.evict(1000 * MiB))).toEqual(["one"]);
    expect(world.here()).toEqual(["base", "second", "two"]);
  });

  test("keeps an image whose blob is on its way, though nothing of the blob is here yet", async () => {
    const world = await World.open();
    await world.putImage("filling", { layers: { ready: 2 * MiB, coming: 3 * MiB }, lacks: ["coming"] });
    await world.putImage("other");
    const giveBack = world.eviction.hold(world.digest("coming"));
    expect(world.victims(await world.evict(1000 * MiB))).toEqual(["other"]);
    giveBack();
    expect(world.victims(await world.evict(1))).toEqual(["filling"]);
    expect(world.index.blob(world.digest("coming"))).toBeUndefined();
  });

  test("stays where it has come into use after it was chosen, and where its image was pulled or pinned since", async () => {
    const gate = new Gate();
    const world = await World.open(gate.options);
    const names = Array.from({ length: 40 }, (_, number) => `image ${number}`);
    for (const name of names) await world.putImage(name, { layers: { [`layer of ${name}`]: 10 }, tag: name.slice(6) });
    const evicting = world.evict(1e9);
    await gate.isReached;
    world.clock.advance(1);
    world.eviction.hold(world.digest("layer of image 33"));
    world.eviction.pulled(world.digest("image 35"));
    await world.pin("docker.io/library/alpine:37");
    gate.open();
    await evicting;
    expect(world.here().filter((name) => name.startsWith("image"))).toEqual(["image 33", "image 35", "image 37"]);
  });
});

describe("a blob that is doomed while somebody reads it", () => {
  const image = parseImageName("docker.io/library/alpine:latest");

  /** `layer of image` is doomed and held twice. */
  async function withDoomed(options?: WorldOptions): Promise<{ world: World; giveBack: () => void }> {
    const world = await World.open(options);
    await world.putImage("image", { tag: "latest" });
    const holds = [1, 2].map(() => world.eviction.hold(world.digest("layer of image")));
    world.begin();
    await world.eviction.evictImage(image, false);
    return { world, giveBack: () => holds.forEach((give) => give()) };
  }

  test("is unlinked when the last one gives it back, and counts until then", async () => {
    const { world } = await withDoomed();
    const third = world.eviction.hold(world.digest("layer of image"));
    expect([world.here(), world.storedBytes]).toEqual([["layer of image (doomed)"], 2 * MiB]);
    expect(world.doomed.sort()).toEqual(["image", "layer of image"]);
    third();
    third();
    expect(world.here()).toEqual(["layer of image (doomed)"]);
  });

  test("is gone from disk and index as soon as nobody uses it", async () => {
    const { world, giveBack } = await withDoomed();
    giveBack();
    await expect.poll(() => world.storedBytes).toBe(0);
    expect([world.here(), world.index.blob(world.digest("layer of image"))]).toEqual([[], undefined]);
  });

  test("comes back when it is asked for, and stays when it is given back", async () => {
    const { world, giveBack } = await withDoomed();
    expect(await world.eviction.revive(world.digest("layer of image"))).toBe(true);
    giveBack();
    await world.idle();
    expect(world.here()).toEqual(["layer of image"]);
    expect(await world.eviction.revive(world.digest("layer of image"))).toBe(true);
    expect(await world.eviction.revive(world.digest("image"))).toBe(false);
    expect(world.storedBytes).toBe(2 * MiB);
  });

  test("comes back with a fill that commits before it is removed", async () => {
    const { world, giveBack } = await withDoomed();
    const digest = world.digest("layer of image");
    const committing = Promise.withResolvers<undefined>();
    const filled = world.store.exclusively(digest, async () => {
      await committing.promise;
      await world.index.recordBlob(alpine, digest, 2 * MiB);
    });
    giveBack();
    committing.resolve(undefined);
    await filled;
    await world.store.exclusively(digest, () => Promise.resolve());
    expect(world.here()).toEqual(["layer of image"]);
  });

  test("is here after a fill that commits while it is removed: that waits until file and row are gone", async () => {
    const removing = Promise.withResolvers<undefined>();
    const steps: string[] = [];
    const { world, giveBack } = await withDoomed({
      withStore: (store) =>
        storeWith(store, {
          remove: async (digest) => {
            steps.push("removing");
            if (steps.length > 1) await removing.promise;
            await store.remove(digest);
            steps.push("removed");
          },
        }),
    });
    const digest = world.digest("layer of image");
    steps.splice(0, Infinity, "image is gone");
    giveBack();
    const filled = world.store.exclusively(digest, async () => {
      steps.push("committing");
      await writeFile(blobPath(world.directory, digest), Buffer.alloc(100));
      await world.index.recordBlob(alpine, digest, 100);
    });
    await expect.poll(() => steps.length).toBe(2);
    removing.resolve(undefined);
    await filled;
    expect(steps.slice(1)).toEqual(["removing", "removed", "committing"]);
    expect([world.here(), world.storedBytes]).toEqual([["layer of image"], 100]);
  });

  test("is removed by the next process where this one did not come to it", async () => {
    const { world } = await withDoomed();
    await world.eviction.close();
    await world.restart();
    expect(world.here()).toEqual(["layer of image (doomed)"]);
    world.begin();
    await world.idle();
    expect(world.here()).toEqual([]);
  });

  test("is tried again later where the disk refuses", async () => {
    let refusals = 1;
    const world = await World.open({
      withStore: (store) =>
        storeWith(store, {
          remove: (digest) =>
            refusals-- > 0 ? Promise.reject(new StoreError("io", "EIO", undefined)) : store.remove(digest),
        }),
    });
    await world.putImage("image", { layers: {} });
    await world.evict(1);
    expect([world.failures.length, world.here()]).toEqual([1, ["image (doomed)"]]);
    expect(world.storedBytes).toBe(documentBytes);
    world.clock.advance(hour);
    await expect.poll(() => world.storedBytes).toBe(0);
    expect(world.here()).toEqual([]);
  });
});

test("a manifest that is on its way out is waited for", async () => {
  const gate = new Gate();
  const world = await World.open(gate.options);
  await world.putImage("image");
  await world.eviction.untilGone(world.digest("image"));
  const evicting = world.evict(1);
  await gate.isReached;
  let isGone = false;
  const waiting = world.eviction.untilGone(world.digest("image")).then(() => (isGone = true));
  await world.index.probe();
  expect(isGone).toBe(false);
  gate.open();
  await waiting;
  expect(world.index.manifest(world.digest("image"))).toBeUndefined();
  await evicting;
});
