import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { examineDataDirectory } from "../../../src/doctor/instance/data-directory.ts";
import { lockDataDirectory } from "../../../src/metadata/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

function examine(directory: string, isInstanceRunning = false): Record<string, string> {
  const findings = examineDataDirectory(directory, isInstanceRunning);
  return Object.fromEntries(findings.map(({ check, verdict, says }) => [check, `${verdict} ${says}`]));
}

/** Another process that has the directory. */
async function hold(directory: string): Promise<number> {
  const script = new URL("../metadata/lock-holder/run.ts", import.meta.url).pathname;
  const holder = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  return holder.pid ?? 0;
}

describe("the data directory", () => {
  it("that is not there can be made, and is not made by looking", async () => {
    const parent = await temporaryDirectory();
    const directory = join(parent, "deep", "data");
    expect(examine(directory)).toMatchObject({ writing: `ok ${directory} is not there yet: the first start makes it` });
    expect(readdirSync(parent)).toEqual([]);
  });

  it("is free, and nothing stays in it of what was tried", async () => {
    const directory = await temporaryDirectory();
    lockDataDirectory(directory).release();
    const before = readdirSync(directory);
    expect(examine(directory)).toMatchObject({
      writing: `ok ${directory} can be written`,
      format: "ok format 1",
      lock: "ok no process has it",
      inodes: expect.stringMatching(/^(?:ok|skipped)/) as string,
    });
    expect(readdirSync(directory)).toEqual(before);
  });

  it("is held by another process, which is named, and whose lock stays", async () => {
    const directory = await temporaryDirectory();
    const pid = await hold(directory);
    expect(examine(directory)["lock"]).toBe(
      `warning held by process ${pid} (node), and no instance answers: another start would fail`,
    );
    expect(examine(directory, true)["lock"]).toBe(`ok held by process ${pid} (node)`);
    expect(() => lockDataDirectory(directory)).toThrow(/in use/);
  });

  it("is not the running instance's where nobody holds it", async () => {
    const directory = await temporaryDirectory();
    lockDataDirectory(directory).release();
    expect(examine(directory, true)["lock"]).toMatch(/^warning no process has it, and an instance runs/);
  });

  it("is of a newer format, or something else", async () => {
    const directory = await temporaryDirectory();
    writeFileSync(join(directory, "FORMAT"), "9\n");
    expect(examine(directory)["format"]).toMatch(/^failed .*has format 9.*run the newer entrepot/);
    writeFileSync(join(directory, "FORMAT"), "word");
    expect(examine(directory)["format"]).toMatch(/^failed .*is .* a data directory of entrepot\?/);
    expect(examine(join(directory, "FORMAT"))).toEqual({ place: `failed ${directory}/FORMAT is not a directory` });
  });

  it("that nobody can write is said before a start fails", () => {
    // /proc takes no files, whoever asks.
    expect(examine("/proc/self")["writing"]).toMatch(/^failed \/proc\/self cannot be written \(\w+\)$/);
  });
});
