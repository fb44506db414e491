// skopeo copying every platform from the cache by path prefix, without any configuration.
import { deepEqual, equal } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./child-processes.ts";
import type { Client, ClientSettings } from "./client.ts";
import { hub } from "./entrepot-process.ts";
import { architectures, digestOf, incompressible, largeFile, native } from "./fixture-image.ts";
import { blobsOf, manifestsOf, oci, type FixtureImage } from "./fixture-manifests.ts";

const hexOf = (digest: string) => digest.slice("sha256:".length);

/** The files skopeo's `dir:` consists of, and the digest each of them must have. */
function expectedFiles(image: FixtureImage): Map<string, string> {
  const blobs = [...blobsOf(image, architectures).keys()].map((digest) => [hexOf(digest), digest] as const);
  const manifests = Object.values(image.manifests).map(
    ({ digest }) => [`${hexOf(digest)}.manifest.json`, digest] as const,
  );
  return new Map([...blobs, ...manifests, ["manifest.json", image.index.digest]]);
}

export function createSkopeo({ processes, directory, cachePort }: ClientSettings): Client {
  const [skopeo, umoci] = [binary("skopeo"), binary("umoci")];
  const copies = join(directory, "copies");
  mkdirSync(copies, { recursive: true });
  const sourceOf = (image: FixtureImage) => `docker://127.0.0.1:${cachePort}/${hub}/${image.repository}:${image.tag}`;
  const copy = (image: FixtureImage, which: "all" | "system", target: string) => {
    const source = ["--multi-arch", which, "--quiet", "--src-tls-verify=false", sourceOf(image)];
    return processes.run(skopeo, ["copy", ...source, target]);
  };

  /** This machine's platform as an OCI layout: every blob has its digest, and umoci unpacks the file that was packed. */
  async function verifyUnpacked(image: FixtureImage): Promise<void> {
    const layout = join(directory, "layout");
    const bundle = join(directory, "bundle");
    try {
      await copy(image, "system", `oci:${layout}:${image.tag}`);
      const blobs = join(layout, "blobs", "sha256");
      for (const name of readdirSync(blobs)) equal(digestOf(readFileSync(join(blobs, name))), `sha256:${name}`);
      await processes.run(umoci, ["unpack", "--image", `${layout}:${image.tag}`, bundle]);
      const unpacked = readFileSync(join(bundle, "rootfs", largeFile));
      equal(digestOf(unpacked), digestOf(incompressible(unpacked.length, native)), "the large file, unpacked");
    } finally {
      rmSync(layout, { recursive: true, force: true });
      rmSync(bundle, { recursive: true, force: true });
    }
  }

  return {
    name: "skopeo",
    logFile: undefined,
    neededBlobs: (image) => blobsOf(image, architectures),
    pull: async (image) => {
      const target = join(copies, hexOf(image.index.digest));
      rmSync(target, { recursive: true, force: true });
      await copy(image, "all", `dir:${target}`);
    },
    pullName: async (name, credentials) => {
      const target = `dir:${join(copies, "by-name")}`;
      const shown = credentials ? ["--src-creds", `${credentials.username}:${credentials.password}`] : [];
      await processes.run(skopeo, ["copy", "--quiet", "--src-tls-verify=false", ...shown, `docker://${name}`, target]);
    },
    verify: async (image) => {
      const target = join(copies, hexOf(image.index.digest));
      const names = readdirSync(target).filter((name) => name !== "version");
      const found = new Map(names.map((name) => [name, digestOf(readFileSync(join(target, name)))]));
      const byName = (files: Map<string, string>) => [...files].sort();
      deepEqual(byName(found), byName(expectedFiles(image)), "files of the copy and their digests");
      equal(manifestsOf(image, architectures).size, 3);
      if (image.index.mediaType === oci.index) await verifyUnpacked(image);
    },
    empty: () => {
      rmSync(copies, { recursive: true, force: true });
      mkdirSync(copies, { recursive: true });
      return Promise.resolve();
    },
    pushers: [
      {
        name: "skopeo",
        push: async (image, { host, repository, tag, username, password }) => {
          const digestFile = join(directory, "pushed");
          const source = `dir:${join(copies, hexOf(image.index.digest))}`;
          const how = ["--all", "--quiet", "--dest-tls-verify=false", "--digestfile", digestFile];
          const creds = ["--dest-creds", `${username}:${password}`];
          const target = `docker://${host}/${repository}:${tag}`;
          await processes.run(skopeo, ["copy", ...how, ...creds, source, target], { timeoutMs: 90_000 });
          return readFileSync(digestFile, "utf8").trim();
        },
      },
    ],
    stop: () => Promise.resolve(),
  };
}
