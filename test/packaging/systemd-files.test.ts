import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binary, ChildProcesses } from "../clients/child-processes.ts";

/** What deploy/README.md has a person install for systemd, by its own commands, below a directory of the test. */
describe("the files for systemd", () => {
  let root: string;
  let processes: ChildProcesses;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "entrepot-systemd-"));
    processes = new ChildProcesses(root);
    await mkdir(join(root, "usr/local/bin"), { recursive: true });
    await mkdir(join(root, "etc/systemd/system"), { recursive: true });
    const text = await readFile("deploy/README.md", "utf8");
    const [, section = ""] = /^## systemd$(.*?)^## /ms.exec(text) ?? [];
    for (const [, words = ""] of section.matchAll(/^sudo install (.*)$/gm)) {
      const parts = words.split(" ");
      const target = join(root, parts.pop() ?? "");
      await processes.run(binary("install"), [...parts, target], { cwd: process.cwd() });
    }
  });

  afterAll(() => rm(root, { recursive: true }));

  it("make a user, and a configuration that others than root and this user cannot read", async () => {
    await processes.run(binary("systemd-sysusers"), [`--root=${root}`, "entrepot.conf"]);
    await processes.run(binary("systemd-tmpfiles"), [`--root=${root}`, "--create", "entrepot.conf"]);
    const passwd = await readFile(join(root, "etc/passwd"), "utf8");
    const [, uid, gid] = /^entrepot:x:(\d+):(\d+):.*:\/var\/lib\/entrepot:\S*nologin$/m.exec(passwd) ?? [];
    expect(Number(uid)).toBeGreaterThan(0);
    const [folder, file] = [
      await stat(join(root, "etc/entrepot")),
      await stat(join(root, "etc/entrepot/entrepot.yaml")),
    ];
    expect([folder.mode & 0o777, folder.uid, folder.gid]).toEqual([0o750, 0, Number(gid)]);
    expect([file.mode & 0o777, file.uid, file.gid]).toEqual([0o640, 0, Number(gid)]);
  });

  it("are units that systemd finds nothing wrong with, also where systemd listens for entrepot", async () => {
    const units = join(root, "etc/systemd/system");
    const command = join(root, "usr/local/bin/entrepot");
    await writeFile(command, "#!/bin/sh\n");
    await chmod(command, 0o755);
    await processes.run(binary("install"), ["-m", "644", "deploy/systemd/entrepot.socket", units], {
      cwd: process.cwd(),
    });
    for (const name of ["sysinit", "basic", "shutdown", "network-online", "multi-user", "sockets"]) {
      await writeFile(join(units, `${name}.target`), "[Unit]\n");
    }
    const verify = `${binary("systemd-analyze")} verify --root=${root} --man=no entrepot.service entrepot.socket 2>&1`;
    expect(await processes.run("/bin/sh", ["-c", verify])).toBe("");
  });
});
