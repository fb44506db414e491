import Database from "better-sqlite3";
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DataDirectoryError, openMetadata } from "../../../src/metadata/index.ts";
import { openOrRebuild } from "../../../src/metadata/rebuild.ts";
import { crashedDirectory, isOverwritten, overwritePage, pageBytes, reopen, taggedIn } from "./crashed-index.ts";
import { alpine, digestFor, latest, openFixture, recordManifest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("an index whose process was killed", () => {
  test.each([true, false])(
    "is opened as it is where it is whole, what is in its log included (%s)",
    async (isInLog) => {
      const { database, wasStoppedCleanly, rebuilt } = reopen(await crashedDirectory({ isInLog }));
      expect([wasStoppedCleanly, rebuilt, taggedIn(database)]).toEqual([false, undefined, "new"]);
    },
  );

  test("is begun anew from its copy, whichever of its pages is damaged", async () => {
    const directory = await crashedDirectory();
    const pages = statSync(join(directory, "index.db")).size / pageBytes;
    expect(pages).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (let page = 1; page <= pages; page += 1) {
      const damaged = await temporaryDirectory();
      cpSync(directory, damaged, { recursive: true });
      overwritePage(join(damaged, "index.db"), page);
      wrong.push(...problemsOf(damaged, page));
    }
    expect(wrong).toEqual([]);
  });

  test("is not mixed with the log of what was damaged", async () => {
    const directory = await crashedDirectory({ isInLog: true });
    expect(statSync(join(directory, "index.db-wal")).size).toBeGreaterThan(0);
    writeFileSync(join(directory, "index.db"), "no index, but long enough to be looked at\n".repeat(200));
    const { database, rebuilt } = reopen(directory);
    expect([rebuilt?.from, taggedIn(database)]).toEqual(["backup", "old"]);
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(await readdir(directory)).toEqual(expect.arrayContaining(["index.db.damaged", "index.db.damaged-wal"]));
  });

  test("goes on as any other once it was begun anew", async () => {
    const directory = await crashedDirectory();
    overwritePage(join(directory, "index.db"), 5);
    const metadata = await openMetadata({ directory });
    expect(metadata.rebuilt).toEqual({ damaged: join(directory, "index.db.damaged"), from: "backup" });
    expect(metadata.wasStoppedCleanly).toBe(false);
    expect(metadata.tag(alpine, latest)?.manifest).toBe(digestFor("old"));
    await recordManifest(metadata, alpine, { text: "new" });
    await metadata.close();
    const again = await openMetadata({ directory });
    expect([again.rebuilt, again.wasStoppedCleanly]).toEqual([undefined, true]);
    expect(again.manifest(digestFor("new"))).toBeDefined();
    await again.close();
  });
});

/** What is not as it should be after a start with this page damaged. */
function problemsOf(directory: string, page: number): string[] {
  try {
    const { database, rebuilt } = openOrRebuild(directory);
    const found = `${rebuilt?.from ?? "not rebuilt"}, ${taggedIn(database)}, ${String(database.pragma("quick_check", { simple: true }))}`;
    database.close();
    const isSetAside = isOverwritten(join(directory, "index.db.damaged"), page);
    return found === "backup, old, ok" && isSetAside ? [] : [`page ${page}: ${found}, set aside: ${isSetAside}`];
  } catch (error) {
    return [`page ${page}: ${String(error)}`];
  }
}

describe("an index that is gone", () => {
  test("is begun anew from its copy, and its log is not applied to that", async () => {
    const directory = await crashedDirectory({ isInLog: true });
    rmSync(join(directory, "index.db"));
    const { database, rebuilt } = reopen(directory);
    expect([rebuilt?.from, taggedIn(database)]).toEqual(["backup", "old"]);
  });

  test("may be an empty file", async () => {
    const directory = await crashedDirectory();
    writeFileSync(join(directory, "index.db"), "");
    const { database, rebuilt } = reopen(directory);
    expect([rebuilt?.from, taggedIn(database)]).toEqual(["backup", "old"]);
  });

  test("without a copy is a new one, of which nothing is to be told", async () => {
    const directory = await crashedDirectory();
    rmSync(join(directory, "index.db"));
    rmSync(join(directory, "index.bak"));
    const { database, rebuilt } = reopen(directory);
    expect([rebuilt, taggedIn(database)]).toEqual([undefined, "none"]);
  });
});

describe("an index without a good copy", () => {
  test.each<[string, (copy: string) => void]>([
    ["none at all", (copy) => rmSync(copy)],
    ["an empty one", (copy) => writeFileSync(copy, "")],
    ["one that is no index", (copy) => writeFileSync(copy, "no index, but long enough\n".repeat(500))],
    ["one with a damaged page", (copy) => overwritePage(copy, 5)],
    ["one that was cut off", (copy) => writeFileSync(copy, readFileSync(copy).subarray(0, 10 * pageBytes))],
    ["a directory in its place", replaceByDirectory],
  ])("is begun anew from nothing: %s", async (_, damageCopy) => {
    const directory = await crashedDirectory();
    overwritePage(join(directory, "index.db"), 5);
    damageCopy(join(directory, "index.bak"));
    const { database, rebuilt } = reopen(directory);
    expect(rebuilt).toEqual({ damaged: join(directory, "index.db.damaged"), from: "nothing" });
    expect(taggedIn(database)).toBe("none");
    expect(isOverwritten(join(directory, "index.db.damaged"), 5)).toBe(true);
  });

  test("is gone for good where both are gone or damaged, and starts all the same", async () => {
    const directory = await crashedDirectory();
    rmSync(join(directory, "index.db"));
    overwritePage(join(directory, "index.bak"), 5);
    const { database } = reopen(directory);
    expect(taggedIn(database)).toBe("none");
  });
});

function replaceByDirectory(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/** What a crash in the middle of beginning anew leaves, step by step. */
const steps: [string, (directory: string) => void][] = [
  ["nothing was done yet", () => undefined],
  [
    "the copy was half made",
    (directory) => {
      const half = readFileSync(join(directory, "index.bak")).subarray(0, 3 * pageBytes + 100);
      writeFileSync(join(directory, "index.db.restored"), half);
    },
  ],
  [
    "the copy was made",
    (directory) => copyFileSync(join(directory, "index.bak"), join(directory, "index.db.restored")),
  ],
  ["the log was set aside", (directory) => setAside(directory, "-wal")],
  ["the index was set aside", (directory) => setAside(directory, "")],
];

function setAside(directory: string, suffix: string): void {
  renameSync(join(directory, `index.db${suffix}`), join(directory, `index.db.damaged${suffix}`));
}

/** A crash behind this step of beginning anew. */
async function crashedAt(step: number): Promise<string> {
  const directory = await crashedDirectory({ isInLog: true });
  writeFileSync(join(directory, "index.db"), Buffer.alloc(20 * pageBytes, 0xa5));
  for (const [, take] of steps.slice(0, step + 1)) take(directory);
  return directory;
}

describe("beginning anew", () => {
  test.each(steps.map(([name], at) => [name, at] as const))("is done again after a crash: %s", async (_, at) => {
    const directory = await crashedAt(at);
    const { database } = reopen(directory);
    expect(taggedIn(database)).toBe("old");
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(await readdir(directory)).not.toContain("index.db.restored");
  });

  test.each(steps.map(([name], at) => [name, at] as const))(
    "keeps what was damaged after a crash: %s",
    async (_, at) => {
      const directory = await crashedAt(at);
      const { rebuilt } = reopen(directory);
      expect(rebuilt?.damaged).toBe(join(directory, "index.db.damaged"));
      // Pages that are in the log may have been copied over what was overwritten.
      const pages = Array.from({ length: 20 }, (_, page) =>
        isOverwritten(join(directory, "index.db.damaged"), page + 1),
      );
      expect(pages).toContain(true);
    },
  );

  test("is over once the copy has its place, whatever else is left", async () => {
    const directory = await crashedAt(steps.length - 1);
    renameSync(join(directory, "index.db.restored"), join(directory, "index.db"));
    const { database, rebuilt } = reopen(directory);
    expect([taggedIn(database), rebuilt]).toEqual(["old", undefined]);
  });

  test("a second time replaces what the first has set aside", async () => {
    const directory = await crashedDirectory();
    for (const page of [5, 6]) {
      overwritePage(join(directory, "index.db"), page);
      openOrRebuild(directory).database.close();
    }
    const damaged = join(directory, "index.db.damaged");
    expect([isOverwritten(damaged, 5), isOverwritten(damaged, 6)]).toEqual([false, true]);
  });
});

describe("an index of a newer version", () => {
  test.each(["index.db", "index.bak"])("is refused in words, and left as it is: %s", async (name) => {
    const directory = await crashedDirectory();
    if (name === "index.bak") rmSync(join(directory, "index.db"));
    const newer = new Database(join(directory, name));
    newer.pragma("user_version = 99");
    newer.close();
    const before = readFileSync(join(directory, name));
    let refusal: unknown;
    try {
      openOrRebuild(directory).database.close();
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(DataDirectoryError);
    expect((refusal as DataDirectoryError).kind).toBe("newer-format");
    expect((refusal as DataDirectoryError).message).toMatch(/version 99\b.*\bup to 3\b.*newer entrepot/);
    expect(readFileSync(join(directory, name)).equals(before)).toBe(true);
  });
});

test("a clean stop is not followed by a look at every page", async () => {
  const { metadata, directory } = await openFixture();
  await metadata.recordBlob(alpine, digestFor("blob"), 5);
  await metadata.close();
  const opened = reopen(directory);
  expect([opened.wasStoppedCleanly, opened.rebuilt]).toEqual([true, undefined]);
});
