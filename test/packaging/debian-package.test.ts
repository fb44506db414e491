import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { binary, ChildProcesses, until } from "../clients/child-processes.ts";
import { digestOf } from "../clients/fixture-image.ts";
import { createScratchDirectory, removeScratchDirectory } from "../clients/scratch-directory.ts";
import { makeDebianRoot } from "./debian-root.ts";
import { filledRegistry } from "./filled-registry.ts";
import { NetworkNamespace } from "./network-namespace.ts";
import { allowedSystemCalls } from "./system-call-filter.ts";

const unit = "usr/lib/systemd/system/entrepot.service";

/** The package as its script builds it, installed by dpkg in the smallest Debian there is. */
describe("the Debian package", () => {
  const directory = createScratchDirectory();
  const processes = new ChildProcesses(directory);
  const root = join(directory, "root");
  const inRoot = (...words: string[]) => processes.run(binary("chroot"), [root, ...words]);
  let before: Set<string>;

  beforeAll(async () => {
    await makeDebianRoot(processes, root);
    before = new Set(await filesBelow(root));
    const name = await buildPackage(processes, root);
    await inRoot("dpkg", "--install", `/${name}`);
    await rm(join(root, name));
  }, 600_000);

  afterAll(() => {
    removeScratchDirectory(directory);
  });

  it("brings the Node that it runs on", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect((await inRoot("entrepot", "--version")).trim()).toBe(version);
    const state = await inRoot("dpkg-query", "--show", "--showformat=${Version} ${Status}", "entrepot");
    expect(state).toBe(`${version} install ok installed`);
  });

  it("installs a configuration that is valid, and that only root and its own user may read", async () => {
    expect((await inRoot("entrepot", "config", "check")).trim()).toBe("configuration is valid");
    const modes = await inRoot("stat", "--format", "%a %U %G", "/etc/entrepot", "/etc/entrepot/entrepot.yaml");
    expect(modes).toBe("750 root entrepot\n640 root entrepot\n");
  });

  it("installs a unit that systemd finds nothing wrong with, and whose exposure is below 2", async () => {
    for (const name of ["sysinit", "basic", "shutdown", "network-online", "multi-user"]) {
      await writeFile(join(root, "usr/lib/systemd/system", `${name}.target`), "[Unit]\n");
    }
    const verify = `${binary("systemd-analyze")} verify --root=${root} --man=no entrepot.service 2>&1`;
    expect(await processes.run("/bin/sh", ["-c", verify])).toBe("");
    const words = ["security", "--offline=true", "--no-pager", join(root, unit)];
    const report = await processes.run(binary("systemd-analyze"), words);
    expect(Number(/Overall exposure level for entrepot\.service: ([\d.]+)/.exec(report)?.[1])).toBeLessThan(2);
  });

  it("serves a pull as its own user, with no system call that the unit forbids", async () => {
    const network = await NetworkNamespace.create(directory);
    const { port, pushed, serve } = await filledRegistry(directory);
    serve(network);
    const upstreams = { "docker.io": { endpoints: [`http://127.0.0.1:${port}`] } };
    const settings = { dataDir: "/var/lib/entrepot", storage: { minFree: "1MiB" }, upstreams };
    await writeFile(join(root, "etc/entrepot/entrepot.yaml"), stringify(settings));
    await inRoot("install", "-d", "-o", "entrepot", "-g", "entrepot", "-m", "0750", "/var/lib/entrepot");
    const trace = join(directory, "trace");
    const asUser = [binary("chroot"), "--userspec=entrepot:entrepot", root, "/usr/bin/entrepot", "serve"];
    const strace = ["-f", "--quiet=all", "-o", trace, ...asUser];
    const server = network.start(binary("strace"), strace, { logFile: join(directory, "entrepot.log") });
    try {
      await until(
        "entrepot to be alive",
        90_000,
        () =>
          network.run(binary("chroot"), [root, "entrepot", "healthcheck"]).then(
            () => true,
            () => false,
          ),
        500,
      );
      const source = `docker://127.0.0.1:5000/docker.io/${pushed.repository}:${pushed.tag}`;
      await network.run(binary("skopeo"), [
        "copy",
        "--all",
        "--src-tls-verify=false",
        source,
        `dir:${directory}/pulled`,
      ]);
      expect(digestOf(await readFile(join(directory, "pulled/manifest.json")))).toBe(pushed.index.digest);
    } finally {
      await server.end();
      await network.close();
    }
    const made = systemCalls(await readFile(trace, "latin1"));
    expect(made).toContain("accept4");
    expect(made).toContain("fsync");
    const allowed = await allowedSystemCalls(processes, await readFile(join(root, unit), "utf8"));
    expect(made.filter((call) => !allowed.has(call))).toEqual([]);
  }, 240_000);

  it("is removed without a trace", async () => {
    await inRoot("dpkg", "--purge", "entrepot");
    expect((await filesBelow(root)).filter((file) => !before.has(file))).toEqual([]);
    for (const file of ["passwd", "group", "shadow"]) {
      expect(await readFile(join(root, "etc", file), "utf8")).not.toContain("entrepot");
    }
  });
});

/** Into `root`, since dpkg sees nothing else; resolves to the file's name. */
async function buildPackage(processes: ChildProcesses, root: string): Promise<string> {
  const { PATH = "", HOME = "", HTTPS_PROXY = "", NODE_EXTRA_CA_CERTS = "" } = process.env;
  const env = { PATH, HOME, HTTPS_PROXY, NODE_EXTRA_CA_CERTS };
  await processes.run(resolve("deploy/debian/build"), [root], { env, timeoutMs: 300_000 });
  const name = (await readdir(root)).find((file) => file.endsWith(".deb"));
  if (name === undefined) throw new Error("no package was built");
  return name;
}

/** All but what dpkg and the tools for users write down of their own, and the targets that a test has put there. */
async function filesBelow(root: string): Promise<string[]> {
  const others = [
    "-path",
    "./var/lib/dpkg",
    "-o",
    "-path",
    "./var/log",
    "-o",
    "-path",
    "./var/cache",
    "-o",
    "-path",
    "./etc/*-",
  ];
  const words = [".", "(", ...others, "-o", "-name", "*.target", ")", "-prune", "-o", "-print"];
  return (await new ChildProcesses(root).run(binary("find"), words, { cwd: root })).split("\n");
}

/** The names of all calls of an strace, from where entrepot's own command is begun. */
function systemCalls(trace: string): string[] {
  const own = trace.slice(trace.search(/execve\("\/usr\/bin\/entrepot"/));
  return [...new Set(own.split("\n").flatMap((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? []))];
}
