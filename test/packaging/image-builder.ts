import { statfsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { binary, type ChildProcesses } from "../clients/child-processes.ts";
import { addNode, makeDebianRoot } from "./debian-root.ts";

const repository = resolve(import.meta.dirname, "../..");
const base = "localhost/node:24-slim";
/** OVERLAYFS_SUPER_MAGIC of linux/magic.h */
const overlayMagic = 0x794c7630;
// No namespaces: so it also works where the tests themselves run in a container.
const environment = { BUILDAH_ISOLATION: "chroot" };

/**
 * The options of podman and buildah that keep all they store below `directory`: as layers, or where that is itself made of
 * layers, as copies.
 */
export function storageIn(directory: string): string[] {
  const driver = statfsSync(directory).type === overlayMagic ? "vfs" : "overlay";
  return ["--storage-driver", driver, "--root", join(directory, "store"), "--runroot", join(directory, "run")];
}

/** A stand-in for `node:24-slim`: a Debian with Node and npm in it. Resolves to its name. */
export async function buildBase(processes: ChildProcesses, directory: string): Promise<string> {
  const root = join(directory, "base");
  await makeDebianRoot(processes, root);
  await addNode(processes, root);
  const file = join(directory, "Base");
  await writeFile(file, "FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
  await bud(processes, directory, ["--tag", base, "--file", file, root]);
  return base;
}

/** Builds the Containerfile as it is, on that base. */
export async function buildImage(processes: ChildProcesses, directory: string, name: string): Promise<void> {
  const how = [
    "--build-arg",
    `NODE_IMAGE=${base}`,
    "--network",
    "host",
    ...(await npmOfThisMachine(processes, directory)),
  ];
  const file = join(repository, "deploy/docker/Containerfile");
  await bud(processes, directory, [...how, "--tag", name, "--file", file, repository]);
}

async function bud(processes: ChildProcesses, directory: string, words: readonly string[]): Promise<void> {
  const proxy = { HTTPS_PROXY: process.env["HTTPS_PROXY"] ?? "" };
  const how = ["bud", "--format", "docker", "--quiet", "--pull-never", ...words];
  const options = { env: { ...environment, ...proxy }, timeoutMs: 400_000 };
  await processes.run(binary("buildah"), [...storageIn(directory), ...how], options);
}

/** The registry of packages that this machine's npm uses, and whom it trusts: as a build behind one would be told. */
async function npmOfThisMachine(processes: ChildProcesses, directory: string): Promise<string[]> {
  const home = { HOME: process.env["HOME"] ?? "/" };
  const registry = (await processes.run(binary("npm"), ["config", "get", "registry"], { env: home })).trim();
  const authorities = process.env["NODE_EXTRA_CA_CERTS"];
  await mkdir(directory, { recursive: true });
  const npmrc = join(directory, "npmrc");
  const inside = "/run/authorities.pem";
  await writeFile(npmrc, [`registry=${registry}`, ...(authorities ? [`cafile=${inside}`] : []), ""].join("\n"));
  const secret = ["--secret", `id=npmrc,src=${npmrc}`];
  return authorities ? [...secret, "--volume", `${authorities}:${inside}:ro`] : secret;
}
