import type { Database } from "better-sqlite3";
import { closeSync, openSync, writeSync } from "node:fs";
import { lockDataDirectory } from "../../../src/metadata/index.ts";
import { openIndex } from "../../../src/metadata/open-index.ts";
import { Writes } from "../../../src/metadata/writes.ts";
import { blobPath, prepareLayout } from "../../../src/blobstore/index.ts";
import { parseManifest, parseRepositoryName, parseTag, type Digest } from "../../../src/oci/index.ts";
import { Random } from "./random.ts";
import type { PlannedBlob, Release } from "./releases.ts";

/** Images were last pulled within so long before this moment, evenly spread. */
const pulledUntil = Date.UTC(2026, 0, 1);
const pulledWithinMs = 90 * 86_400_000;

/** Long ones: each writes most pages of the index once, as digests lie everywhere in it. */
const releasesPerTransaction = 10_000;

/**
 * Writes a data directory, as a process leaves it that has pulled all of `releases` and was stopped cleanly. The rows are
 * made by entrepot's own writes, so that they are what a pull leaves; only nothing is synced.
 */
export async function buildStore(directory: string, releases: Iterable<Release>, seed: number): Promise<void> {
  const lock = lockDataDirectory(directory);
  await prepareLayout(directory);
  const database = openIndex(directory);
  try {
    database.pragma("synchronous = OFF");
    database.pragma("cache_size = -1000000");
    record(database, directory, releases, new Random(seed));
    database.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
    lock.release();
  }
}

function record(database: Database, directory: string, releases: Iterable<Release>, random: Random): void {
  const writes = new Writes(database);
  let count = 0;
  database.exec("BEGIN");
  for (const release of releases) {
    for (const { digest, bytes, blobs } of release.manifests) {
      for (const blob of [{ digest, bytes }, ...blobs]) writeBlob(directory, blob);
    }
    recordRelease(writes, release, pulledUntil - random.below(pulledWithinMs));
    count += 1;
    if (count % releasesPerTransaction !== 0) continue;
    database.exec("COMMIT");
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.exec("BEGIN");
  }
  writes.markStop(true);
  database.exec("COMMIT");
}

/** In the order in which a pull records them: manifests, then their blobs. */
function recordRelease(writes: Writes, release: Release, at: number): void {
  const { manifests } = release;
  const repository = { upstream: "docker.io", name: parsed(parseRepositoryName(release.repository)) };
  for (const { digest, bytes, blobs } of manifests) {
    const { kind, mediaType, edges } = parseManifest(bytes);
    const manifest = { digest, size: bytes.length, mediaType, kind, edges };
    writes.apply({ op: "recordManifest", repository, manifest, at });
    for (const blob of blobs) {
      writes.apply({ op: "recordBlob", repository, digest: blob.digest, size: blob.bytes.length, at });
    }
  }
  const tagged = parsed(manifests[0]?.digest);
  writes.apply({ op: "moveTag", repository, tag: parsed(parseTag(release.tag)), digest: tagged, at });
}

/** Writes the files of `releases` for which `isWanted` says so. */
export function writeFiles(
  directory: string,
  releases: Iterable<Release>,
  isWanted: (digest: Digest) => boolean,
): void {
  for (const { manifests } of releases) {
    for (const { digest, bytes, blobs } of manifests) {
      for (const blob of [{ digest, bytes }, ...blobs]) if (isWanted(blob.digest)) writeBlob(directory, blob);
    }
  }
}

function writeBlob(directory: string, { digest, bytes }: PlannedBlob): void {
  const descriptor = openSync(blobPath(directory, digest), "wx", 0o444);
  try {
    writeSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a name that is none");
  return value;
}
