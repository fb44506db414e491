import { constants, mkdirSync, unlink } from "node:fs";
import { mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { digestAlgorithm, digestHex, type Digest, type DigestAlgorithm } from "../oci/index.ts";
import { isErrno, StoreError } from "./errors.ts";
import { quarantineDirectory } from "./quarantine.ts";

export const algorithms: readonly DigestAlgorithm[] = ["sha256", "sha512"];

/** All two-digit hex prefixes, `00` to `ff`. */
export const fanOut: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Where the file of `digest` is: `<directory>/blobs/sha256/ab/abcdef…`. */
export function blobPath(directory: string, digest: Digest): string {
  return join(directory, relativeBlobPath(digest));
}

/** The same below the data directory; made of the digest alone. */
export function relativeBlobPath(digest: Digest): string {
  return join(blobDirectory("", digest), digestHex(digest));
}

/** The directory that holds the file of `digest`; made by `prepareLayout`. */
export function blobDirectory(directory: string, digest: Digest): string {
  return join(directory, "blobs", digestAlgorithm(digest), digestHex(digest).slice(0, 2));
}

export function ingestDirectory(directory: string): string {
  return join(directory, "ingest");
}

/**
 * Makes the directories of a store durably, checks that a rename from `ingest/` to `blobs/` can work, and removes what
 * an earlier process left unfinished.
 */
export async function prepareLayout(directory: string): Promise<void> {
  const ingest = ingestDirectory(directory);
  await makeDirectory(directory);
  await makeDirectory(ingest);
  await makeDirectory(quarantineDirectory(directory));
  for (const algorithm of algorithms) await makeFanOut(join(directory, "blobs", algorithm));
  await syncDirectory(join(directory, "blobs"));
  await syncDirectory(directory);
  for (const algorithm of algorithms) await checkSameFileSystem(ingest, join(directory, "blobs", algorithm));
  await emptyIngest(ingest);
}

/** fsync of a directory: makes the names in it durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The parent is synced even if nothing was missing: a process killed between mkdir and fsync leaves directories that
 * can be seen and would still be lost in a power cut. On a clean directory that costs next to nothing.
 */
async function makeFanOut(parent: string): Promise<void> {
  await makeDirectory(parent);
  const existing = new Set(await readdir(parent));
  const missing = fanOut.filter((prefix) => !existing.has(prefix));
  // Synchronous: nobody is served yet, and it takes half the time.
  for (const prefix of missing) mkdirSync(join(parent, prefix), { mode: 0o700 });
  await syncDirectory(parent);
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function checkSameFileSystem(ingest: string, blobs: string): Promise<void> {
  const [from, to] = await Promise.all([stat(ingest), stat(blobs)]);
  if (from.dev === to.dev) return;
  throw new StoreError("io", `${ingest} and ${blobs} are on different file systems; a rename must work`, undefined);
}

async function emptyIngest(ingest: string): Promise<void> {
  for (const entry of await readdir(ingest, { withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".part")) continue;
    await unlinkIfThere(join(ingest, entry.name));
  }
}

/** By the callback: an eviction unlinks many, and a promise of node:fs costs the event loop twice as much. */
export function unlinkIfThere(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    unlink(path, (error) => (error && !isErrno(error, "ENOENT") ? reject(error) : resolve()));
  });
}
