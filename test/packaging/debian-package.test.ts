import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { binary, ChildProcesses, until } from "../clients/child-processes.ts";
import { digestOf } from "../clients/fixture-image.ts";
import { createScratchDirectory, removeScratchDirectory } from "../clients/scratch-directory.ts";
import { makeDebianRoot } from "./debian-root.ts";
import { filledRegistry } from "./filled-registry.ts";
import { NetworkNamespace } from "./network-namespace.ts";
import { allowedSystemCalls } from "./system-call-filter.ts";

/** The package as its script builds it, installed by dpkg in the smallest Debian there is. */
describe("the Debian package", () => {
  const directory = createScratchDirectory();
  const processes = new ChildProcesses(directory);
  const root = join(directory, "root");
  const inRoot = (...words: string[]) => processes.run(binary("chroot"), [root, ...words]);
  let before: string[];

  beforeAll(async () => {
    await makeDebianRoot(processes, root);
    before = await filesBelow(root);
    await buildPackage(directory);
    const [name = ""] = (await readdir(root)).filter((file) => file.endsWith(".deb"));
    await inRoot("dpkg", "--install", `/${name}`);
    await rm(join(root, name));
  }, 600_000);

  afterAll(() => {
    removeScratchDirectory(directory);
  });

  it("brings the Node that it runs on", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect((await inRoot("entrepot", "--version")).trim()).toBe(version);
    expect((await inRoot("dpkg-query", "--show", "--showformat=${Version} ${Status}", "entrepot")).trim()).toBe(
      `${version} install ok installed`,
    );
  });

  it("installs a configuration that is valid, and that only root and its own user may read", async () => {
    expect((await inRoot("entrepot", "config", "check")).trim()).toBe("configuration is valid");
    expect(await inRoot("stat", "--format", "%a %U %G", "/etc/entrepot", "/etc/entrepot/entrepot.yaml")).toBe(
      "750 root entrepot\n640 root entrepot\n",
    );
  });

  it("installs units that systemd finds nothing wrong with, and an exposure below 2", async () => {
    const unit = "usr/lib/systemd/system/entrepot.service";
    const analyze = `${binary("systemd-analyze")} --root=${root}`;
    const systemd = "usr/lib/systemd/system";
    for (const target of ["sysinit", "basic", "shutdown", "network-online", "multi-user", "sockets"]) {
      await writeFile(join(root, systemd, `${target}.target`), "[Unit]\n");
    }
    expect(await processes.run("/bin/sh", ["-c", `${analyze} verify --man=no entrepot.service 2>&1`])).toBe("");
    const words = ["security", "--offline=true", "--no-pager", "--threshold=19", join(root, unit)];
    const report = await processes.run(binary("systemd-analyze"), words);
    expect(Number(/Overall exposure level for entrepot\.service: ([\d.]+)/.exec(report)?.[1])).toBeLessThan(2);
  });
});
