// dockerd with `registry-mirrors`: the mirror is asked without any hint which registry is meant.
import { native } from "./fixture-image.ts";
import { deepEqual, equal } from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binary, until } from "./child-processes.ts";
import type { Client, ClientSettings } from "./client.ts";
import type { Machine } from "./doctor/machine.ts";
import { blobsOf, type FixtureImage } from "./fixture-manifests.ts";
import { savedLayerDigests } from "./saved-image.ts";

interface Inspected {
  Id: string;
  RepoDigests: string[];
  RootFS: { Layers: string[] };
}

/** `library/demo` is `demo` to a Docker user. */
const nameOf = (image: FixtureImage) => `${image.repository.replace("library/", "")}:${image.tag}`;

/** @param given.machine of its own, whose daemon.json says everything; without one the mirror is given by a flag */
export async function startDockerd(
  { processes, directory, cachePort }: ClientSettings,
  { machine }: { machine?: Machine } = {},
): Promise<Client> {
  const [program, dockerProgram] = [binary("dockerd"), binary("docker")];
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, "docker.sock");
  const logFile = join(directory, "dockerd.log");
  const own = ["data-root", "exec-root"].flatMap((name) => [`--${name}`, join(directory, name)]);
  const confined = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"];
  const mirror = machine ? [] : ["--registry-mirror", `http://127.0.0.1:${cachePort}`];
  const listening = ["-H", `unix://${socket}`, "--pidfile", join(directory, "docker.pid")];
  const args = [...own, ...confined, ...listening, ...mirror];
  const daemon = processes.start(...(machine?.command(program, args) ?? [program, args]), { logFile });

  const docker = (args: readonly string[]) =>
    processes.run(dockerProgram, ["--host", `unix://${socket}`, ...args], {
      env: { DOCKER_CONFIG: join(directory, "cli") },
      timeoutMs: 90_000,
    });

  await until("dockerd", 30_000, async () => {
    if (!daemon.isRunning()) throw new Error("dockerd ended at its start");
    return docker(["version"]).then(
      () => true,
      () => false,
    );
  });

  return {
    name: "dockerd",
    logFile,
    neededBlobs: (image) => blobsOf(image),
    pull: async (image) => {
      await docker(["pull", "--quiet", nameOf(image)]);
    },
    pullName: async (name, credentials) => {
      const host = name.slice(0, name.indexOf("/"));
      if (credentials) {
        const { username, password } = credentials;
        await docker(["login", "--username", username, "--password", password, host]);
      }
      try {
        await docker(["pull", "--quiet", name]);
      } finally {
        if (credentials) await docker(["logout", host]);
      }
    },
    verify: async (image) => {
      const [inspected] = JSON.parse(await docker(["image", "inspect", nameOf(image)])) as [Inspected];
      const { digest, layers } = image.content[native];
      const diffIds = layers.map((layer) => layer.diffId);
      equal(inspected.Id, digest, "the image id is the digest of the configuration");
      deepEqual(inspected.RootFS.Layers, diffIds, "layers");
      deepEqual(inspected.RepoDigests, [`${nameOf(image).split(":")[0] ?? ""}@${image.index.digest}`]);
      const archive = join(directory, "saved.tar");
      await docker(["save", "--output", archive, nameOf(image)]);
      deepEqual(await savedLayerDigests(processes, archive), diffIds, "layers as docker saves them");
      rmSync(archive);
    },
    empty: async () => {
      const ids = (await docker(["image", "ls", "--quiet", "--no-trunc"])).trim().split("\n").filter(Boolean);
      if (ids.length > 0) await docker(["image", "rm", "--force", ...new Set(ids)]);
    },
    pushers: [
      {
        name: "docker",
        push: async (image, { host, repository, tag, username, password }) => {
          const name = `${host}/${repository}:${tag}`;
          await docker(["login", "--username", username, "--password", password, host]);
          try {
            await docker(["tag", nameOf(image), name]);
            const said = await docker(["push", name]);
            return /digest: (sha256:[a-f0-9]{64})/.exec(said)?.[1] ?? said;
          } finally {
            await docker(["logout", host]);
          }
        },
      },
    ],
    stop: () => daemon.end(),
  };
}
