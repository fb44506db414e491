import { mkdir, rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { blobPath } from "../../../src/blobstore/index.ts";
import { WriteError } from "../../../src/metadata/index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import { HashFailed } from "../../../src/upkeep/hasher.ts";
import { Scrub } from "../../../src/upkeep/scrub.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import {
  day,
  flipByte,
  mebibyte,
  openWorld,
  partsOf,
  putBlob,
  putFile,
  soon,
  stateOf,
  turns,
  type World,
} from "./fixtures.ts";

/** Blobs of one MiB, each stored a day after the one before. */
async function putOnePerDay(world: World, texts: readonly string[]): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (const text of texts) {
    digests.push(await putBlob(world, Buffer.alloc(mebibyte, text)));
    world.clock.advance(day);
  }
  return digests;
}

/** The scrub has nothing to do and waits. */
function idle({ clock }: Pick<World, "clock">): Promise<void> {
  return soon(() => {
    expect(clock.pendingTimers).toBe(1);
  });
}

async function startScrub({ upkeep }: World): Promise<void> {
  upkeep.startScrub();
  await upkeep.reconcile();
}

describe("the scrub", () => {
  test("gives up a file with a flipped byte and tells who can fetch it again", async () => {
    const world = await openWorld();
    const [bad, good] = await putOnePerDay(world, ["one", "two"]);
    if (!bad || !good) throw new Error("no blobs");
    await flipByte(world, bad);
    world.clock.advance(31 * day);
    await startScrub(world);
    await idle(world);
    expect([stateOf(world, bad), stateOf(world, good)]).toEqual(["known", "present"]);
    expect(world.told.events).toEqual([`corrupt ${bad}`, `quarantined ${bad}`]);
    expect(world.told.lost).toEqual([bad]);
    expect(world.told.scrubbedBytes).toBe(2 * mebibyte);
    expect(world.index.files.toVerify(world.clock.now(), 10)).toEqual([]);
  });

  test("takes the file that was longest unchecked first", async () => {
    const world = await openWorld();
    const digests = await putOnePerDay(world, ["one", "two", "three", "four"]);
    for (const digest of digests) await flipByte(world, digest);
    world.clock.advance(31 * day);
    await startScrub(world);
    await idle(world);
    expect(world.told.lost).toEqual(digests);
  });

  test("reads nothing before it is due, and then no more than that", async () => {
    const world = await openWorld();
    await putOnePerDay(world, ["one", "two"]);
    world.clock.advance(28 * day);
    await startScrub(world);
    await idle(world);
    expect(world.told.scrubbedBytes).toBe(0);
    world.clock.advance(60 * 60 * 1000);
    await soon(() => {
      expect(world.told.scrubbedBytes).toBe(mebibyte);
    });
    await idle(world);
    expect(world.told.scrubbedBytes).toBe(mebibyte);
  });

  test("waits after each step for as long as the rate wants", async () => {
    const clock = new ManualClock();
    const waits: number[] = [];
    const world = await openWorld({
      scrub: { everyMs: day, rateBytesPerSecond: mebibyte / 2 },
      setTimer(ms, action) {
        waits.push(ms);
        return clock.setTimer(ms, action);
      },
    });
    await putBlob(world, Buffer.alloc(3 * mebibyte));
    world.clock.advance(2 * day);
    await startScrub(world);
    for (const steps of [1, 2, 3]) {
      await idle({ clock });
      expect(waits).toEqual(Array(steps).fill(2000));
      expect(world.told.scrubbedBytes).toBe(steps * mebibyte);
      clock.advance(2000);
    }
    await soon(() => {
      expect(waits).toEqual([2000, 2000, 2000, day / 100]);
    });
  });

  test("adds up the waits for small files", async () => {
    const world = await openWorld({ scrub: { everyMs: day, rateBytesPerSecond: 1000 } });
    for (const text of ["1234", "5678", "9012", "3456"]) await putBlob(world, Buffer.from(text));
    world.clock.advance(2 * day);
    await startScrub(world);
    await idle(world);
    expect(world.told.scrubbedBytes).toBe(12);
    world.clock.advance(12);
    await soon(() => {
      expect(world.told.scrubbedBytes).toBe(16);
    });
  });

  test("forgets a file that is gone, and one in whose place there is a directory", async () => {
    const world = await openWorld();
    const [gone, replaced] = await putOnePerDay(world, ["one", "two"]);
    if (!gone || !replaced) throw new Error("no blobs");
    await startScrub(world);
    await idle(world);
    for (const digest of [gone, replaced]) await rm(blobPath(world.directory, digest));
    await mkdir(blobPath(world.directory, replaced));
    world.clock.advance(31 * day);
    await soon(() => {
      expect(world.told.lost).toEqual([gone, replaced]);
    });
    expect(world.told.events).toEqual([`corrupt ${replaced}`, `quarantined ${replaced}`]);
  });

  test("begins when reconciling is over, and not at all where it is turned off", async () => {
    for (const everyMs of [day, 0]) {
      const world = await openWorld({ scrub: { everyMs, rateBytesPerSecond: 1e12 } });
      await putBlob(world, Buffer.from("blob"));
      world.clock.advance(2 * day);
      world.upkeep.startScrub();
      await turns(50);
      expect(world.told.scrubbedBytes).toBe(0);
      await world.upkeep.reconcile();
      if (everyMs > 0) await idle(world);
      await turns(50);
      expect(world.told.scrubbedBytes).toBe(everyMs > 0 ? 4 : 0);
    }
  });
});

describe("a file that cannot be judged", () => {
  /** A scrub that hashes by `hash`; counts how often. */
  function scrubWith(world: World, hash: () => Promise<never>): { calls: () => number } {
    const parts = partsOf(world);
    let calls = 0;
    const counted = (): Promise<never> => {
      calls += 1;
      return hash();
    };
    void new Scrub({ ...parts, hasher: { hash: counted, list: parts.hasher.list.bind(parts.hasher) } }).run();
    return { calls: () => calls };
  }

  test("is left alone until the next idle time", async () => {
    const world = await openWorld();
    const [digest] = await putOnePerDay(world, ["one"]);
    if (!digest) throw new Error("no blob");
    world.clock.advance(31 * day);
    const { calls } = scrubWith(world, () => Promise.reject(new HashFailed("it", "EMFILE")));
    await idle(world);
    await turns(50);
    expect(calls()).toBe(1);
    world.clock.advance(60 * 60 * 1000);
    await idle(world);
    expect(calls()).toBe(2);
    expect(stateOf(world, digest)).toBe("present");
    expect(world.told).toMatchObject({ events: [], lost: [] });
    expect(world.told.failures).toHaveLength(2);
  });

  test("makes the scrub rest when there are as many as a page of them", async () => {
    const world = await openWorld();
    await Promise.all(Array.from({ length: 100 }, (_, number) => putBlob(world, Buffer.from(String(number)))));
    world.clock.advance(31 * day);
    const { calls } = scrubWith(world, () => Promise.reject(new HashFailed("it", "ENFILE")));
    await idle(world);
    expect(calls()).toBe(64);
  });

  test("does not keep those behind it from being checked when the index refuses it", async () => {
    const world = await openWorld();
    const digests = await putOnePerDay(world, ["one", "two"]);
    world.clock.advance(31 * day);
    world.index.recordVerified = () => Promise.reject(new WriteError("no-space", "full"));
    await startScrub(world);
    await idle(world);
    expect(world.told.scrubbedBytes).toBe(2 * mebibyte);
    expect(digests.map((digest) => stateOf(world, digest))).toEqual(["present", "present"]);
    expect(world.told.failures).toHaveLength(1);
  });

  test("is not given up where a fill has replaced it since it was read", async () => {
    const world = await openWorld();
    const bytes = Buffer.alloc(2 * mebibyte, "one");
    const digest = await putBlob(world, bytes);
    await flipByte(world, digest);
    world.clock.advance(31 * day);
    const parts = partsOf(world);
    const hash: typeof parts.hasher.hash = async (...asked) => {
      const hashed = await parts.hasher.hash(...asked);
      await putFile(world, bytes);
      return hashed;
    };
    void new Scrub({ ...parts, hasher: { hash, list: parts.hasher.list.bind(parts.hasher) } }).run();
    await idle(world);
    expect(await world.store.readAll(digest)).toEqual(bytes);
    expect(world.told).toMatchObject({ events: [], lost: [], failures: [] });
  });
});
