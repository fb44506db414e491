import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { nodeDirectory, snapshot, texts } from "../unit/installer/node-files.ts";

const runner = new URL("./node-setup/run-installer.ts", import.meta.url).pathname;
const foreign = {
  "ghcr.io/hosts.toml": `# the team's\nserver = "https://ghcr.io"\n[host."https://mirror.corp"]\n  capabilities = ["pull"]\n`,
  "corp.example/hosts.toml": `server = "https://corp.example"\n`,
};
/** All by which something changes on the disk, but for bytes into files that are not in their place yet. */
const calls = ["mkdir", "link", "rename", "fsync", "fchmod", "fchown", "unlink", "unlinkat", "rmdir"];

/** Runs it until the `nth` time it makes `call`, which is not carried out. Resolves to whether that came to pass. */
async function killedAt(call: string, nth: number, what: "install" | "uninstall", root: string): Promise<boolean> {
  const child = spawn(
    "strace",
    [
      ...["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${nth}`],
      ...[process.execPath, runner, what, root],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (signal === "SIGKILL") return true;
  expect(code).toBe(0);
  return false;
}

async function run(what: "install" | "uninstall", root: string): Promise<void> {
  const child = spawn(process.execPath, [runner, what, root], { stdio: "inherit" });
  expect(await once(child, "exit")).toEqual([0, null]);
}

/** Each directory that containerd would look for has a hosts.toml that is one of `whole`, and parses. */
function expectWhole(root: string, whole: readonly Record<string, string>[]): void {
  const held = texts(root);
  for (const entry of readdirSync(root)) {
    if (entry.startsWith(".entrepot-")) continue;
    const file = join(entry, "hosts.toml");
    expect(whole.map((files) => files[file])).toContain(held[file]);
    expect(() => parse(held[file] ?? "not TOML")).not.toThrow();
  }
}

async function killEverywhere(
  what: "install" | "uninstall",
  prepare: () => Promise<string>,
  expectAfter: (root: string) => Promise<void>,
): Promise<number> {
  let kills = 0;
  for (const call of calls) {
    for (let nth = 1; ; nth++) {
      const root = await prepare();
      if (!(await killedAt(call, nth, what, root))) break;
      kills++;
      await expectAfter(root);
    }
  }
  return kills;
}

// Some forty processes under strace each.
describe("pointing containerd at entrepot, killed at any step", { timeout: 400_000 }, () => {
  it("leaves whole files in each place, and all as it was once it is taken back", async () => {
    const before = nodeDirectory(foreign);
    const after = nodeDirectory(foreign);
    await run("install", after);
    const kills = await killEverywhere(
      "install",
      () => Promise.resolve(nodeDirectory(foreign)),
      async (root) => {
        expectWhole(root, [texts(before), texts(after)]);
        const other = nodeDirectory({});
        cpSync(root, other, { recursive: true });
        await run("uninstall", other);
        expect(texts(other)).toEqual(texts(before));
        await run("install", root);
        expect(texts(root)).toEqual(texts(after));
        await run("uninstall", root);
        expect(texts(root)).toEqual(texts(before));
      },
    );
    console.log(`killed at ${kills} steps of installing`);
    expect(kills).toBeGreaterThan(15);
  });

  it("does so too where it is killed while it is taken back", async () => {
    const before = nodeDirectory(foreign);
    const after = nodeDirectory(foreign);
    await run("install", after);
    const kills = await killEverywhere(
      "uninstall",
      async () => {
        const root = nodeDirectory(foreign);
        await run("install", root);
        return root;
      },
      async (root) => {
        expectWhole(root, [texts(before), texts(after)]);
        await run("uninstall", root);
        expect(Object.keys(snapshot(root))).toEqual(Object.keys(snapshot(before)));
        expect(texts(root)).toEqual(texts(before));
      },
    );
    console.log(`killed at ${kills} steps of taking back`);
    expect(kills).toBeGreaterThan(5);
  });
});
