import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { DataDirectoryError, lockDataDirectory } from "../../../src/metadata/index.ts";
import { isAtLeast } from "../../../src/metadata/lock.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Why the directory cannot be locked: the kind of the error and its words. */
function refusalOf(directory: string): string {
  try {
    lockDataDirectory(directory).release();
    return "none";
  } catch (error) {
    return error instanceof DataDirectoryError ? `${error.kind}: ${error.message}` : String(error);
  }
}

describe("the lock of a data directory", () => {
  test("makes the directory for its owner alone, with a format version in it", async () => {
    const directory = join(await temporaryDirectory(), "deep", "data");
    const lock = lockDataDirectory(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(directory, "FORMAT"), "utf8")).toBe("1\n");
    lock.release();
    lock.release();
    lockDataDirectory(directory).release();
  });

  test("is refused to a second process until the first has died, even by kill -9", async () => {
    const directory = await temporaryDirectory();
    const script = new URL("./lock-holder/run.ts", import.meta.url).pathname;
    const holder = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void holder.kill("SIGKILL"));
    await once(holder.stdout, "data");
    expect(refusalOf(directory)).toMatch(/^in-use: /);
    expect(refusalOf(directory)).toContain(directory);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    lockDataDirectory(directory).release();
  });

  test("is refused to the same process as well", async () => {
    const directory = await temporaryDirectory();
    const lock = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(/in use/);
    lock.release();
  });

  test("refuses a directory of a newer format, and lets it go again", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "FORMAT"), "2\n");
    expect(refusalOf(directory)).toMatch(/^newer-format: /);
    await writeFile(join(directory, "FORMAT"), "1\n");
    lockDataDirectory(directory).release();
  });

  test.each(["", "1", "0\n", "one\n", "1\n2\n", "-1\n", " 1\n"])("refuses %j as a format version", async (text) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "FORMAT"), text);
    expect(refusalOf(directory)).toMatch(/^damaged: .*FORMAT/);
    expect(await readFile(join(directory, "FORMAT"), "utf8")).toBe(text);
  });

  test("says that a lock file is damaged", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "LOCK"), "not a database at all, but long enough to look at".repeat(20));
    expect(refusalOf(directory)).toMatch(/^damaged: .*LOCK/);
  });

  test("does not mind what else is in the directory", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "lost+found"), "");
    await writeFile(join(directory, "FORMAT.tmp"), "half");
    lockDataDirectory(directory).release();
    expect((await readdir(directory)).sort()).toEqual(["FORMAT", "LOCK", "lost+found"]);
  });

  test.each([
    ["3.51.3", true],
    ["3.54.1", true],
    ["4.0.0", true],
    ["3.51.2", false],
    ["3.9.9", false],
  ])("takes SQLite %s for new enough: %s", (version, isNewEnough) => {
    expect(isAtLeast(version, [3, 51, 3])).toBe(isNewEnough);
  });
});
