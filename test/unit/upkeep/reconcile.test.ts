import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { blobPath } from "../../../src/blobstore/index.ts";
import { digestHex, digestOf } from "../../../src/oci/index.ts";
import { Adoption } from "../../../src/upkeep/adoption.ts";
import { Reconcile } from "../../../src/upkeep/reconcile.ts";
import { alpine } from "../metadata/fixtures.ts";
import {
  flipByte,
  openWorld,
  partsOf,
  putBlob,
  putFile,
  stateOf,
  turns,
  writeInPlace,
  type World,
} from "./fixtures.ts";

const layer = Buffer.from("a layer");
const digest = digestOf(layer);

async function quarantineOf({ directory }: World): Promise<string[]> {
  return readdir(join(directory, "quarantine"));
}

describe("reconciling", () => {
  test("leaves alone what agrees, and says nothing", async () => {
    const world = await openWorld();
    await putBlob(world, layer);
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBe("present");
    expect(world.told).toMatchObject({ events: [], failures: [], lost: [] });
    expect(await quarantineOf(world)).toEqual([]);
  });

  test("forgets a file that is gone, and tells who can fetch it again", async () => {
    const world = await openWorld();
    await putBlob(world, layer);
    await rm(blobPath(world.directory, digest));
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBe("known");
    expect(world.told).toMatchObject({ events: [], lost: [digest] });
  });

  test("gives up a file of another size than its row says", async () => {
    const world = await openWorld();
    await putBlob(world, layer);
    await writeInPlace(world, digest, Buffer.from("a lay"));
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBe("known");
    expect(world.told.events).toEqual([`corrupt ${digest}`, `quarantined ${digest}`]);
    expect(world.told.lost).toEqual([digest]);
    expect(await quarantineOf(world)).toEqual([expect.stringContaining(digestHex(digest))]);
  });

  test("leaves doomed files to eviction, with and without a file", async () => {
    const world = await openWorld();
    const second = await putBlob(world, Buffer.from("another"));
    await putBlob(world, layer);
    await world.index.evict({ manifests: [], orphans: [digest, second] }, "test");
    await rm(blobPath(world.directory, second));
    await world.upkeep.reconcile();
    expect([stateOf(world, digest), stateOf(world, second)]).toEqual(["doomed", "doomed"]);
    expect(world.told).toMatchObject({ events: [], lost: [] });
  });

  test("adopts a file without a row, and one whose row says that it is elsewhere only", async () => {
    const world = await openWorld();
    const known = await putFile(world, Buffer.from("known only"));
    await world.index.recordMember(alpine, known, undefined);
    await putFile(world, layer);
    const long = await putFile(world, layer, "sha512");
    await world.upkeep.reconcile();
    for (const adopted of [digest, known, long]) expect(stateOf(world, adopted)).toBe("present");
    expect(world.told.events.sort()).toEqual([digest, known, long].map((one) => `adopted ${one}`).sort());
    expect(world.index.counts()).toMatchObject({ blobs: 3, storedBytes: 24 });
  });

  test("moves a file with wrong bytes and no row out of the way; nobody has lost it", async () => {
    const world = await openWorld();
    await putFile(world, layer);
    await flipByte(world, digest);
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBeUndefined();
    expect(world.told).toMatchObject({ events: [`quarantined ${digest}`], lost: [], failures: [] });
    expect(await quarantineOf(world)).toHaveLength(1);
  });

  test("moves unknown names, directories and links out of the way, whatever they are called", async () => {
    const world = await openWorld();
    const shelf = dirname(blobPath(world.directory, digest));
    const elsewhere = join(world.directory, "elsewhere");
    await writeFile(elsewhere, layer);
    await writeFile(join(shelf, "notes.txt"), "of the operator");
    await mkdir(join(shelf, "folder"));
    await symlink(elsewhere, blobPath(world.directory, digest));
    const misplaced = join(shelf, digestHex(digestOf(Buffer.from("on another shelf"))));
    await writeFile(misplaced, "on another shelf");
    await world.upkeep.reconcile();
    expect(await readdir(shelf)).toEqual([]);
    expect(await quarantineOf(world)).toHaveLength(4);
    expect(world.told.events).toContain(`quarantined ${misplaced}`);
    expect(world.told).toMatchObject({ failures: [], lost: [] });
  });

  test("forgets a file in whose place there is a directory", async () => {
    const world = await openWorld();
    await putBlob(world, layer);
    await rm(blobPath(world.directory, digest));
    await mkdir(blobPath(world.directory, digest));
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBe("known");
    expect(world.told.lost).toEqual([digest]);
  });

  test("goes on where a shelf cannot be listed, and believes nothing to be missing from it", async () => {
    const world = await openWorld();
    const other = await putFile(world, Buffer.from("elsewhere"));
    await putBlob(world, layer);
    const shelf = dirname(blobPath(world.directory, digest));
    await rm(shelf, { recursive: true });
    await writeFile(shelf, "no directory");
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBe("present");
    expect(stateOf(world, other)).toBe("present");
    expect(world.told.failures).toEqual([expect.objectContaining({ code: "ENOTDIR" })]);
  });

  test("goes on where the index refuses one file", async () => {
    const world = await openWorld();
    const other = await putFile(world, Buffer.from("elsewhere"));
    await putFile(world, layer);
    const { index } = world;
    const adoptBlob = index.adoptBlob.bind(index);
    index.adoptBlob = (asked, ...rest) =>
      asked === digest ? Promise.reject(new Error("no")) : adoptBlob(asked, ...rest);
    await world.upkeep.reconcile();
    expect(stateOf(world, digest)).toBeUndefined();
    expect(stateOf(world, other)).toBe("present");
    expect(world.told.failures).toHaveLength(1);
  });

  test("comes to a ratio of 1, which never falls", async () => {
    const world = await openWorld();
    await putFile(world, layer);
    const seen = [world.upkeep.reconcileRatio];
    const done = world.upkeep.reconcile().then(() => "done");
    const turn = (): Promise<string> => new Promise((resolve) => setImmediate(resolve, "turn"));
    while ((await Promise.race([done, turn()])) === "turn") seen.push(world.upkeep.reconcileRatio);
    seen.push(world.upkeep.reconcileRatio);
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
  });
});

describe("reconciling beside fills and eviction", () => {
  async function reconcileWith(world: World, afterListing: () => Promise<void>): Promise<void> {
    const parts = partsOf(world);
    const list: typeof parts.hasher.list = async (shelf) => {
      const files = await parts.hasher.list(shelf);
      if (digest.startsWith(`${shelf.algorithm}:${shelf.prefix}`)) await afterListing();
      return files;
    };
    const hash = parts.hasher.hash.bind(parts.hasher);
    const racing = { ...parts, hasher: { list, hash } };
    await new Reconcile(racing, new Adoption(racing)).run();
  }

  test("does not take a blob for missing that was committed behind the listing", async () => {
    const world = await openWorld();
    await reconcileWith(world, () => putBlob(world, layer).then(() => undefined));
    expect(stateOf(world, digest)).toBe("present");
    expect(world.told).toMatchObject({ events: [], lost: [], failures: [] });
  });

  test("waits for a fill that has its file and not yet its row, and leaves the rest to it", async () => {
    const world = await openWorld();
    const listed = Promise.withResolvers<undefined>();
    const staging = await world.store.stage();
    await staging.append(layer);
    const filling = world.store.exclusively(digest, async () => {
      await staging.commit(digest);
      await listed.promise;
      await turns(100);
      await world.index.recordBlob(alpine, digest, layer.length);
    });
    await reconcileWith(world, () => Promise.resolve().then(() => listed.resolve(undefined)));
    await filling;
    await staging.close();
    expect(world.index.isRecordedMember(alpine, digest)).toBe(true);
    expect(world.told).toMatchObject({ events: [], lost: [], failures: [] });
  });

  test("adopts nothing that has been removed behind the listing", async () => {
    const world = await openWorld();
    await putFile(world, layer);
    await reconcileWith(world, () => world.store.remove(digest));
    expect(stateOf(world, digest)).toBeUndefined();
    expect(world.told).toMatchObject({ events: [], lost: [], failures: [] });
  });

  test("keeps a right file that a fill has put in the place of a stranger", async () => {
    const world = await openWorld();
    await symlink("/nowhere", blobPath(world.directory, digest));
    await reconcileWith(world, () => putBlob(world, layer).then(() => undefined));
    expect(await world.store.readAll(digest)).toEqual(layer);
    expect(world.told).toMatchObject({ events: [], lost: [] });
  });
});
