// podman with registries.conf: a mirror whose path begins with the registry's name. CRI-O and buildah read the same file.
import { deepEqual, equal } from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./child-processes.ts";
import type { Client, ClientSettings, Pusher } from "./client.ts";
import { hub } from "./entrepot-process.ts";
import { digestOf, incompressible, largeFile, removedFile, native } from "./fixture-image.ts";
import { blobsOf, type FixtureImage } from "./fixture-manifests.ts";
import { savedLayerDigests } from "./saved-image.ts";

interface Inspected {
  Id: string;
  RootFS: { Layers: string[] };
}

const nameOf = (image: FixtureImage) => `${hub}/${image.repository}:${image.tag}`;

function writeConfiguration(directory: string, cachePort: number): Record<string, string> {
  const registries = join(directory, "registries.conf");
  const storage = join(directory, "storage.conf");
  const policy = join(directory, "policy.json");
  const mirror = [
    `unqualified-search-registries = ["${hub}"]`,
    `[[registry]]`,
    `prefix = "${hub}"`,
    `location = "${hub}"`,
    `[[registry.mirror]]`,
    `location = "127.0.0.1:${cachePort}/${hub}"`,
    `insecure = true`,
  ];
  writeFileSync(registries, mirror.join("\n"));
  writeFileSync(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = "${join(directory, "root")}"\nrunroot = "${join(directory, "runroot")}"\n`,
  );
  writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  return { CONTAINERS_REGISTRIES_CONF: registries, CONTAINERS_STORAGE_CONF: storage, XDG_RUNTIME_DIR: directory };
}

/** podman and buildah share the store, and the words of this command. */
function createPush(
  { processes, directory }: ClientSettings,
  env: Record<string, string>,
  name: string,
): Pusher["push"] {
  const own = ["root", "runroot"].flatMap((option) => [`--${option}`, join(directory, option)]);
  return async (image, { host, repository, tag, username, password }) => {
    const digestFile = join(directory, `${name}-pushed`);
    const how = ["--tls-verify=false", "--creds", `${username}:${password}`, "--digestfile", digestFile, "--quiet"];
    const policy = ["--signature-policy", join(directory, "policy.json")];
    const target = `docker://${host}/${repository}:${tag}`;
    const words = [...own, "--storage-driver", "vfs", "push", ...policy, ...how, nameOf(image), target];
    await processes.run(binary(name), words, { env, timeoutMs: 90_000 });
    return readFileSync(digestFile, "utf8").trim();
  };
}

export function createPodman(settings: ClientSettings): Client {
  const { processes, directory, cachePort } = settings;
  const program = binary("podman");
  mkdirSync(directory, { recursive: true });
  const env = writeConfiguration(directory, cachePort);
  const own = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(directory, name)]);
  const driver = ["--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs"];
  const podman = (args: readonly string[]) =>
    processes.run(program, [...own, ...driver, ...args], { env, timeoutMs: 90_000 });

  /** The files as a container would see them. */
  async function verifyUnpacked(image: FixtureImage): Promise<void> {
    const mountPoint = (await podman(["image", "mount", nameOf(image)])).trim();
    try {
      const unpacked = readFileSync(join(mountPoint, largeFile));
      equal(digestOf(unpacked), digestOf(incompressible(unpacked.length, native)), "the large file, unpacked");
      equal(
        readFileSync(join(mountPoint, "etc/os-release"), "utf8").includes(`VARIANT=${native}`),
        true,
        "upper layer",
      );
      equal(existsSync(join(mountPoint, removedFile)), false, "the whiteout is obeyed");
    } finally {
      await podman(["image", "unmount", nameOf(image)]);
    }
  }

  return {
    name: "podman",
    logFile: undefined,
    neededBlobs: (image) => blobsOf(image),
    pull: async (image) => {
      await podman(["pull", "--signature-policy", join(directory, "policy.json"), "--quiet", nameOf(image)]);
    },
    pullName: async (name, credentials) => {
      const policy = ["--signature-policy", join(directory, "policy.json")];
      const shown = credentials ? ["--creds", `${credentials.username}:${credentials.password}`] : [];
      await podman(["pull", ...policy, ...shown, "--tls-verify=false", "--quiet", name]);
    },
    verify: async (image) => {
      const [inspected] = JSON.parse(await podman(["image", "inspect", nameOf(image)])) as [Inspected];
      const { digest, layers } = image.content[native];
      const diffIds = layers.map((layer) => layer.diffId);
      equal(`sha256:${inspected.Id}`, digest, "the image id is the digest of the configuration");
      deepEqual(inspected.RootFS.Layers, diffIds, "layers");
      const archive = join(directory, "saved.tar");
      await podman(["save", "--quiet", "--output", archive, nameOf(image)]);
      deepEqual(await savedLayerDigests(processes, archive), diffIds, "layers as podman saves them");
      rmSync(archive);
      await verifyUnpacked(image);
    },
    empty: async () => {
      await podman(["rmi", "--all", "--force"]);
    },
    pushers: ["podman", "buildah"].map((name) => ({ name, push: createPush(settings, env, name) })),
    stop: () => Promise.resolve(),
  };
}
