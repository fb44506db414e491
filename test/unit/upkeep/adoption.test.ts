import { describe, expect, test } from "vitest";
import { digestOf, maxDescriptors, type Digest } from "../../../src/oci/index.ts";
import { Adoption } from "../../../src/upkeep/adoption.ts";
import { alpine, latest } from "../metadata/fixtures.ts";
import { flipByte, mebibyte, openWorld, partsOf, putBlob, putFile, stateOf, type World } from "./fixtures.ts";
import { imageIndex, imageManifest } from "./manifests.ts";

const config = Buffer.from('{"architecture":"arm64"}');
const layer = Buffer.from("a layer");
const image = imageManifest(named(config), [named(layer)]);
const index = imageIndex([{ ...named(image), platform: { os: "linux", architecture: "arm64" } }]);
const large = Buffer.alloc(4 * mebibyte + 1);

function named(bytes: Buffer): { digest: Digest; size: number } {
  return { digest: digestOf(bytes), size: bytes.length };
}

/** What is below an index, as eviction sees it. */
function childrenOf(world: World, digest: Digest) {
  const node = world.index.graph.manifest(digest);
  return node && world.index.graph.children(node.id);
}

describe("adopting", () => {
  test("brings a manifest back with its edges, and an index with its platforms", async () => {
    const world = await openWorld();
    for (const bytes of [index, image, config, layer]) await putFile(world, bytes);
    await world.upkeep.reconcile();
    expect(childrenOf(world, digestOf(index))).toEqual([
      expect.objectContaining({ digest: digestOf(image), platform: "linux/arm64", state: "present" }),
    ]);
    const { id } = world.index.graph.manifest(digestOf(image)) ?? { id: 0 };
    expect(world.index.graph.blobs(id).map(({ digest, state }) => [digest, state])).toEqual(
      expect.arrayContaining([
        [digestOf(config), "present"],
        [digestOf(layer), "present"],
      ]),
    );
    expect(world.index.counts()).toMatchObject({ blobs: 4, manifests: 2 });
  });

  test("keeps no edges of a manifest that names too much", async () => {
    const world = await openWorld();
    const many = imageManifest(named(config), Array<ReturnType<typeof named>>(maxDescriptors).fill(named(layer)));
    await putFile(world, many);
    await world.upkeep.reconcile();
    expect(world.index.manifest(digestOf(many))).toBeDefined();
    expect(stateOf(world, digestOf(layer))).toBeUndefined();
  });

  test("takes JSON that is no manifest for a blob", async () => {
    const world = await openWorld();
    const braces = "{".repeat(4 * mebibyte);
    for (const text of ['{"schemaVersion":1}', "{", "[]", braces]) await putFile(world, Buffer.from(text));
    await world.upkeep.reconcile();
    expect(world.index.counts()).toMatchObject({ blobs: 4, manifests: 0 });
    expect(world.told.failures).toEqual([]);
  });

  test("takes small files first and has all edges before the first large one", async () => {
    const world = await openWorld();
    await putFile(world, large);
    await putFile(world, image);
    void world.upkeep.edgesComplete.then(() => world.told.events.push("edges complete"));
    await world.upkeep.reconcile();
    expect(world.told.events).toEqual([`adopted ${digestOf(image)}`, "edges complete", `adopted ${digestOf(large)}`]);
  });

  test("hashes what is asked for at once, before reconciling has come to it", async () => {
    const world = await openWorld();
    await putFile(world, large);
    expect(await world.upkeep.adopt(digestOf(large))).toBe(true);
    expect(world.told.events).toEqual([`adopted ${digestOf(large)}`]);
    expect(await world.upkeep.adopt(digestOf(large))).toBe(true);
    expect(await world.upkeep.adopt(digestOf(Buffer.from("never seen")))).toBe(false);
  });

  test("hashes once for all who ask", async () => {
    const world = await openWorld();
    const parts = partsOf(world);
    await putFile(world, layer);
    let hashes = 0;
    const hash: typeof parts.hasher.hash = (...asked) => {
      hashes += 1;
      return parts.hasher.hash(...asked);
    };
    const adoption = new Adoption({ ...parts, hasher: { hash, list: parts.hasher.list.bind(parts.hasher) } });
    const answers = await Promise.all([1, 2, 3].map(() => adoption.adopt(digestOf(layer))));
    expect({ answers, hashes }).toEqual({ answers: [true, true, true], hashes: 1 });
  });

  test("takes nothing for adopted that has left since it was hashed", async () => {
    const world = await openWorld();
    const parts = partsOf(world);
    const digest = await putFile(world, layer);
    const hash: typeof parts.hasher.hash = async (...asked) => {
      const hashed = await parts.hasher.hash(...asked);
      await world.store.remove(digest);
      return hashed;
    };
    const adoption = new Adoption({ ...parts, hasher: { hash, list: parts.hasher.list.bind(parts.hasher) } });
    expect(await adoption.adopt(digest)).toBe(false);
    expect(stateOf(world, digest)).toBeUndefined();
    expect(world.told).toMatchObject({ events: [], failures: [] });
  });

  test("refuses a file with wrong bytes, and one that is doomed", async () => {
    const world = await openWorld();
    const wrong = await putFile(world, layer);
    await flipByte(world, wrong);
    const doomed = await putBlob(world, config);
    await world.index.evict({ manifests: [], orphans: [doomed] }, "test");
    expect(await world.upkeep.adopt(wrong)).toBe(false);
    expect(await world.upkeep.adopt(doomed)).toBe(false);
    expect(stateOf(world, doomed)).toBe("doomed");
    expect(world.told.events).toEqual([`quarantined ${wrong}`]);
  });

  test("looks at no file any more once reconciling is over", async () => {
    const world = await openWorld();
    await world.upkeep.reconcile();
    const digest = await putFile(world, layer);
    expect(await world.upkeep.adopt(digest)).toBe(false);
    await world.index.recordBlob(alpine, digest, layer.length);
    expect(await world.upkeep.adopt(digest)).toBe(true);
  });
});

describe("edges that are missing from the index", () => {
  async function withEdgesToRead(): Promise<World> {
    const world = await openWorld();
    for (const bytes of [index, image]) {
      const digest = await putFile(world, bytes);
      const kind = bytes === index ? "index" : "image";
      const manifest = { digest, size: bytes.length, mediaType: `type/${kind}`, kind, edges: [] } as const;
      await world.index.recordManifest(alpine, { ...manifest, edges: [] }, 1000);
    }
    await world.index.moveTag(alpine, latest, digestOf(index), 1000);
    let isToRead = true;
    const { index: metadata } = world;
    metadata.files.hasEdgesToRead = () => isToRead;
    metadata.recordEdgesRead = () => Promise.resolve(void (isToRead = false));
    return world;
  }

  test("are read from the stored manifests again; their age stays", async () => {
    const world = await withEdgesToRead();
    await world.upkeep.reconcile();
    expect(childrenOf(world, digestOf(index))).toMatchObject([{ platform: "linux/arm64" }]);
    expect(world.index.manifest(digestOf(index))?.fetchedAt).toBe(1000);
    expect(world.index.files.hasEdgesToRead()).toBe(false);
  });

  test("are still missing where a manifest could not be recorded, so that the next start tries again", async () => {
    const world = await withEdgesToRead();
    world.index.adoptManifest = () => Promise.reject(new Error("no"));
    await world.upkeep.reconcile();
    expect(world.told.failures).toHaveLength(2);
    expect(world.index.files.hasEdgesToRead()).toBe(true);
  });

  test("are complete without a manifest that turns out to be wrong, which is given up", async () => {
    const world = await withEdgesToRead();
    await flipByte(world, digestOf(image));
    await world.upkeep.reconcile();
    expect(world.told.lost).toEqual([digestOf(image)]);
    expect(world.index.files.hasEdgesToRead()).toBe(false);
  });
});
