import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openIndex } from "../../../src/metadata/open-index.ts";
import { finishRenewal, prepareRenewal } from "../../../src/metadata/renewal.ts";
import { crashedDirectory, pageBytes, reopen, taggedIn } from "./crashed-index.ts";
import { alpine, digestFor, openFixture } from "./fixtures.ts";

/** A directory in which a copy of all that can be read was made, and nothing else was done yet. */
async function prepared(): Promise<string> {
  const directory = await crashedDirectory({ isInLog: true });
  const database = openIndex(directory);
  onTestFinished(() => void database.close());
  prepareRenewal(database, directory);
  // What the log could not be trusted with any more.
  writeFileSync(join(directory, "index.db-wal"), Buffer.alloc(10 * pageBytes, 0xa5));
  return directory;
}

describe("an index that is begun anew after a failed fsync", () => {
  test("has all that could be read, and nothing of the log", async () => {
    const directory = await prepared();
    finishRenewal(directory);
    expect(existsSync(join(directory, "index.db-wal"))).toBe(false);
    const { database, rebuilt } = reopen(directory);
    expect([taggedIn(database), rebuilt]).toEqual(["new", undefined]);
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
  });

  test("takes its place at the next start where a crash came between, before or after the log has gone", async () => {
    const directory = await prepared();
    const { database } = reopen(directory);
    expect(taggedIn(database)).toBe("new");
    expect(await readdir(directory)).not.toContain("index.db.renewed");
  });

  test("is only what was copied to the end: half a copy is left alone", async () => {
    const directory = await crashedDirectory({ isInLog: true });
    const half = readFileSync(join(directory, "index.bak")).subarray(0, 3 * pageBytes);
    writeFileSync(join(directory, "index.db.renewed.tmp"), half);
    const { database, rebuilt } = reopen(directory);
    expect([taggedIn(database), rebuilt]).toEqual(["new", undefined]);
  });

  test("is not begun anew as long as it can be written: a probe writes, and changes nothing that is told", async () => {
    const { metadata, directory } = await openFixture();
    await metadata.recordBlob(alpine, digestFor("blob"), 5);
    const before = metadata.counts();
    await metadata.probe();
    expect([metadata.counts(), await readdir(directory)]).toEqual([
      before,
      expect.not.arrayContaining(["index.db.renewed"]),
    ]);
  });
});
