import type { Database } from "better-sqlite3";
import { openIndex } from "../../../../src/metadata/open-index.ts";
import { Writes } from "../../../../src/metadata/writes.ts";
import { parseManifest, parseRepositoryName, parseTag } from "../../../../src/oci/index.ts";
import { Random } from "../random.ts";
import { Releases, type Release } from "../releases.ts";
import type { Probes } from "./protocol.ts";

/** Images were last pulled within so long before this moment, evenly spread. */
const pulledUntil = Date.UTC(2026, 0, 1);
const pulledWithinMs = 90 * 86_400_000;

/** Long ones: each writes most pages of the index once, as digests lie everywhere in it. */
const releasesPerTransaction = 10_000;

/**
 * Writes the index of a data directory into `directory`, as a process leaves it that has pulled all releases and was stopped cleanly.
 * The rows are made by entrepot's own writes, so that they are what a pull leaves; only nothing is synced.
 */
export function buildIndex({ directory, blobs, seed }: Probes["index"]["ask"]): Promise<Probes["index"]["answer"]> {
  const database = openIndex(directory);
  try {
    database.pragma("synchronous = OFF");
    database.pragma("cache_size = -1000000");
    const count = record(database, new Releases(blobs, seed).all(), new Random(seed));
    database.pragma("wal_checkpoint(TRUNCATE)");
    return Promise.resolve({ releases: count });
  } finally {
    database.close();
  }
}

function record(database: Database, releases: Iterable<Release>, random: Random): number {
  const writes = new Writes(database);
  let count = 0;
  database.exec("BEGIN");
  for (const release of releases) {
    recordRelease(writes, release, pulledUntil - random.below(pulledWithinMs));
    count += 1;
    if (count % releasesPerTransaction !== 0) continue;
    database.exec("COMMIT");
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.exec("BEGIN");
  }
  writes.markStop(true);
  database.exec("COMMIT");
  return count;
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

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a name that is none");
  return value;
}
