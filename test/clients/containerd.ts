// containerd with one `_default/hosts.toml`: every registry goes to the cache, which learns the name from `ns`.
import { deepEqual, equal, ok } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, until } from "./child-processes.ts";
import type { Client, ClientSettings } from "./client.ts";
import { hub } from "./entrepot-process.ts";
import { digestOf, type Architecture, native } from "./fixture-image.ts";
import { blobsOf, manifestsOf, type FixtureImage } from "./fixture-manifests.ts";

export interface Containerd extends Client {
  /** The same as `pull` and `verify`, under another registry's name and for all platforms. */
  readonly pullFrom: (registry: string, image: FixtureImage) => Promise<void>;
  readonly verifyPlatforms: (image: FixtureImage, platforms: readonly Architecture[]) => Promise<void>;
}

function writeConfiguration(directory: string, cachePort: number): void {
  const hosts = join(directory, "certs.d", "_default");
  mkdirSync(hosts, { recursive: true });
  const host = `[host."http://127.0.0.1:${cachePort}"]\n  capabilities = ["pull", "resolve"]\n`;
  writeFileSync(join(hosts, "hosts.toml"), host);
  const lines = [
    `version = 2`,
    `root = "${join(directory, "root")}"`,
    `state = "${join(directory, "state")}"`,
    `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]`,
    `[grpc]`,
    `  address = "${join(directory, "containerd.sock")}"`,
  ];
  writeFileSync(join(directory, "config.toml"), lines.join("\n"));
}

export async function startContainerd({ processes, directory, cachePort }: ClientSettings): Promise<Containerd> {
  const [program, ctrProgram] = [binary("containerd"), binary("ctr")];
  mkdirSync(directory, { recursive: true });
  writeConfiguration(directory, cachePort);
  const logFile = join(directory, "containerd.log");
  const daemon = processes.start(program, ["--config", join(directory, "config.toml")], { logFile });
  const ctr = (args: readonly string[]) =>
    processes.run(ctrProgram, ["--address", join(directory, "containerd.sock"), ...args], { timeoutMs: 90_000 });

  await until("containerd", 30_000, async () => {
    if (!daemon.isRunning()) throw new Error("containerd ended at its start");
    return ctr(["version"]).then(
      () => true,
      () => false,
    );
  });

  const storedDigests = async () => (await ctr(["content", "ls", "--quiet"])).trim().split("\n").filter(Boolean);

  async function pull(registry: string, image: FixtureImage, options: readonly string[]): Promise<void> {
    const certificates = ["--hosts-dir", join(directory, "certs.d")];
    const name = `${registry}/${image.repository}:${image.tag}`;
    await ctr(["images", "pull", ...certificates, "--snapshotter", "native", ...options, name]);
  }

  async function verify(image: FixtureImage, platforms: readonly Architecture[]): Promise<void> {
    const expected = new Map([...blobsOf(image, platforms), ...manifestsOf(image, platforms)]);
    deepEqual((await storedDigests()).sort(), [...expected.keys()].sort(), "digests in the content store");
    for (const [digest, bytes] of expected) {
      const target = join(directory, "content");
      const command = `exec "$0" --address "$1" content get "$2" > "$3"`;
      const socket = join(directory, "containerd.sock");
      await processes.run("/bin/sh", ["-c", command, ctrProgram, socket, digest, target]);
      const content = readFileSync(target);
      equal(content.length, bytes.length, `size of ${digest}`);
      equal(digestOf(content), digest, "content");
    }
    ok((await ctr(["images", "check", "--snapshotter", "native", "--quiet"])).includes(image.repository), "unpacked");
  }

  return {
    name: "containerd",
    logFile,
    neededBlobs: (image) => blobsOf(image),
    pull: (image) => pull(hub, image, ["--platform", `linux/${native}`]),
    pullFrom: (registry, image) => pull(registry, image, ["--all-platforms"]),
    pullName: async (name, credentials) => {
      const shown = credentials ? ["--user", `${credentials.username}:${credentials.password}`] : [];
      await ctr(["images", "pull", "--plain-http", ...shown, "--snapshotter", "native", name]);
    },
    verify: (image) => verify(image, [native]),
    verifyPlatforms: verify,
    empty: async () => {
      const names = (await ctr(["images", "ls", "--quiet"])).trim().split("\n").filter(Boolean);
      if (names.length > 0) await ctr(["images", "rm", "--sync", ...names]);
      await until("containerd to forget its content", 10_000, async () => (await storedDigests()).length === 0);
    },
    pushers: [],
    stop: () => daemon.end(),
  };
}
