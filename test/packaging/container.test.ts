import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { binary, ChildProcesses, type Daemon } from "../clients/child-processes.ts";
import { digestOf } from "../clients/fixture-image.ts";
import type { FixtureImage } from "../clients/fixture-manifests.ts";
import { createScratchDirectory, removeScratchDirectory } from "../clients/scratch-directory.ts";
import { Podman } from "./container.ts";
import { filledRegistry } from "./filled-registry.ts";
import { buildBase, buildImage } from "./image-builder.ts";
import { NetworkNamespace } from "./network-namespace.ts";

const name = "entrepot";
const image = "localhost/entrepot:test";
const MB = 1_000_000;

/** The Containerfile as it is shipped, on a Debian with Node in place of `node:24-slim`; run as the README says. */
describe("the container image", () => {
  const directory = createScratchDirectory();
  const processes = new ChildProcesses(directory);
  let network: NetworkNamespace;
  let podman: Podman;
  let base: string;
  let registry: Daemon;
  let demo: FixtureImage;

  beforeAll(async () => {
    network = await NetworkNamespace.create(directory);
    podman = new Podman(processes, network, directory);
    base = await buildBase(processes, directory);
    await buildImage(processes, directory, image);
    const { port, pushed, serve } = await filledRegistry(directory);
    demo = pushed;
    registry = serve(network);
    const config = join(directory, "entrepot.yaml");
    const upstreams = { "docker.io": { endpoints: [`http://127.0.0.1:${port}`] } };
    const shipped = parse(await readFile("deploy/docker/entrepot.yaml", "utf8")) as object;
    await writeFile(config, stringify({ ...shipped, storage: { minFree: "1MiB" }, upstreams }));
    const data = ["--volume", "entrepot-test:/var/lib/entrepot"];
    await podman.start(name, image, [...data, "--volume", `${config}:/etc/entrepot/entrepot.yaml:ro`]);
  }, 600_000);

  afterAll(async () => {
    await podman.run("rm", "--all", "--force", "--time", "0");
    await network.close();
    removeScratchDirectory(directory);
  }, 60_000);

  it("says what it is, and is small beside its base", async () => {
    const { Config, Healthcheck, Size } = await podman.imageReport(image);
    expect(Config).toMatchObject({ User: "10001:10001", Entrypoint: ["entrepot"], Cmd: ["serve"] });
    // Whatever stood here would win over a configuration that is mounted, such as one that listens on loopback alone.
    const settings = Config.Env.filter((variable) => variable.startsWith("ENTREPOT_"));
    expect(settings).toEqual(["ENTREPOT_CONFIG=/etc/entrepot/entrepot.yaml"]);
    expect(Config.Volumes).toEqual({ "/var/lib/entrepot": {} });
    expect(Healthcheck.Test).toEqual(["CMD", "entrepot", "healthcheck"]);
    const { version, license } = JSON.parse(await readFile("package.json", "utf8")) as Record<string, string>;
    expect(Config.Labels).toMatchObject({
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.licenses": license,
    });
    const added = Size - (await podman.imageReport(base)).Size;
    expect(added).toBeGreaterThan(10 * MB);
    expect(added).toBeLessThan(40 * MB);
  });

  it("holds what is compiled and its production packages alone", async () => {
    expect((await podman.exec(name, "ls", "/opt/entrepot")).trim().split("\n")).toEqual(expectedFiles);
    const packages = (await podman.exec(name, "ls", "/opt/entrepot/node_modules")).split("\n");
    expect(packages).toEqual(expect.arrayContaining(["better-sqlite3", "express"]));
    expect(packages.filter((one) => ["typescript", "vitest", "node"].includes(one))).toEqual([]);
  });

  it("runs as a user that is not root, has no capability, and can write to its volume alone", async () => {
    expect((await podman.exec(name, "id", "-u")).trim()).toBe("10001");
    expect(await podman.exec(name, "cat", "/proc/1/status")).toMatch(/^Uid:\t10001\t[^]*^CapBnd:\t0{16}$/m);
    const writable = await podman.exec(
      name,
      "sh",
      "-c",
      "find / -xdev -path /var/lib/entrepot -prune -o -writable -print 2>/dev/null; true",
    );
    expect(writable.trim()).toBe("");
    expect(await podman.exec(name, "cat", "/proc/mounts")).toMatch(/^\S+ \/ \S+ ro[, ]/m);
  });

  it("serves a pull from the registry, and after a restart without it", async () => {
    expect(await pulledDigest("first")).toBe(demo.index.digest);
    await registry.end();
    await podman.run("restart", "--time", "30", name);
    await podman.untilHealthy(name);
    expect(await pulledDigest("second")).toBe(demo.index.digest);
    expect(await podman.exec(name, "entrepot", "stats")).toMatch(/^fetched +0 B$/m);
  });

  it("shows its token to nobody, and asks for it where it is reached from outside", async () => {
    const token = await podman.exec(name, "cat", "/var/lib/entrepot/admin-token");
    expect(token.trim()).toMatch(/^\S{32,}$/);
    expect(await podman.run("logs", name)).not.toContain(token.trim());
    const ask = "fetch('http://127.0.0.1:5001/api/v1/stats').then(({ status }) => console.log(status))";
    expect((await podman.exec(name, "node", "--eval", ask)).trim()).toBe("401");
  });

  it("stops by itself when it is told to", async () => {
    await podman.run("stop", "--time", "30", name);
    expect((await podman.run("inspect", name, "--format", "{{.State.ExitCode}}")).trim()).toBe("0");
  });

  async function pulledDigest(target: string): Promise<string> {
    const source = `docker://127.0.0.1:5000/docker.io/${demo.repository}:${demo.tag}`;
    const copy = ["copy", "--all", "--quiet", "--src-tls-verify=false", source, `dir:${join(directory, target)}`];
    await network.run(binary("skopeo"), copy);
    return digestOf(await readFile(join(directory, target, "manifest.json")));
  }
});

const expectedFiles = ["LICENSE", "dist", "node_modules", "package.json"];
