import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf } from "../../../src/oci/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";
import { day, mebibyte, openWorld, putBlob, putFile, soon, stateOf } from "./fixtures.ts";

const { signal } = new AbortController();
const large = Buffer.alloc(64 * mebibyte);

test("closing ends reconciling, and lets go who waits for the edges", async () => {
  const world = await openWorld();
  const digest = await putFile(world, large);
  const { upkeep, told } = world;
  const done = Promise.all([upkeep.reconcile(), upkeep.edgesComplete]);
  await upkeep.close();
  await done;
  expect(upkeep.reconcileRatio).toBeLessThan(1);
  expect(stateOf(world, digest)).toBeUndefined();
  expect(told).toMatchObject({ events: [], failures: [], lost: [] });
});

test("closing lets go who waits for the edges of a reconciling that never began", async () => {
  const { upkeep } = await openWorld();
  await upkeep.close();
  await upkeep.edgesComplete;
  await upkeep.reconcile();
});

test("closing ends the adoption of a file that is asked for", async () => {
  const world = await openWorld();
  const digest = await putFile(world, large);
  const adopting = world.upkeep.adopt(digest);
  await world.upkeep.close();
  expect(await adopting).toBe(false);
  expect(await world.upkeep.adopt(digest)).toBe(false);
  expect(world.told).toMatchObject({ events: [], failures: [] });
});

test("closing ends the scrub, be it reading, held to its rate or idle", async () => {
  for (const rateBytesPerSecond of [1e12, 1000]) {
    const world = await openWorld({ scrub: { everyMs: day, rateBytesPerSecond } });
    await putBlob(world, large);
    world.clock.advance(2 * day);
    await world.upkeep.reconcile();
    world.upkeep.startScrub();
    await soon(() => {
      expect(world.told.scrubbedBytes).toBeGreaterThan(0);
    });
    await world.upkeep.close();
    expect(world.clock.pendingTimers).toBe(0);
    expect(world.told).toMatchObject({ events: [], failures: [], lost: [] });
  }
  const idle = await openWorld();
  await idle.upkeep.reconcile();
  idle.upkeep.startScrub();
  await soon(() => {
    expect(idle.clock.pendingTimers).toBe(1);
  });
  await idle.upkeep.close();
  expect(idle.clock.pendingTimers).toBe(0);
});

test("closing ends a verification with what it has found", async () => {
  const world = await openWorld();
  await putBlob(world, large);
  const reading = Promise.withResolvers<undefined>();
  const verifying = world.upkeep.verify({ signal, onProgress: () => reading.resolve(undefined) });
  await reading.promise;
  await world.upkeep.close();
  expect(await verifying).toMatchObject({ blobs: 0, findings: [] });
  expect(stateOf(world, digestOf(large))).toBe("present");
  expect(world.told.failures).toEqual([]);
});

test("closing ends a backup, which is then incomplete", async () => {
  const world = await openWorld();
  for (const text of ["one", "two", "three"]) await putBlob(world, Buffer.from(text));
  const target = join(await temporaryDirectory(), "copy");
  const begun = Promise.withResolvers<undefined>();
  const backup = world.upkeep.backup(target, { signal, onProgress: () => begun.resolve(undefined) });
  const refused = expect(backup).rejects.toMatchObject({ name: "UpkeepError", kind: "closed" });
  await begun.promise;
  await world.upkeep.close();
  await refused;
  expect(await readdir(target)).not.toContain("FORMAT");
});

test("closing twice does no harm, nor does it before anything has begun", async () => {
  const { upkeep } = await openWorld();
  await Promise.all([upkeep.close(), upkeep.close()]);
  await upkeep.close();
});
