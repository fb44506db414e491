import Database from "better-sqlite3";
import { createHash } from "node:crypto";
import { constants, copyFileSync, existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareLayout, shelves } from "../../../src/blobstore/index.ts";
import { lockDataDirectory } from "../../../src/metadata/index.ts";
import { openIndex } from "../../../src/metadata/open-index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import { generation } from "./releases.ts";
import { askProbe } from "./start-probe.ts";

const seed = 1;

/** A generated data directory, kept under the system's directory for temporary files and used again. */
export interface PreparedStore {
  blobs: number;
  /** The data directory. */
  directory: string;
  /** The index as it was generated, beside the data directory: for looking around without touching the other one. */
  pristineIndex: string;
  /** What it took to make what was not there yet. */
  preparedSeconds: number;
  /** Makes everything as it was generated: the index, and the files that are missing or are too many. Nobody may have it open. */
  restore(): Promise<void>;
}

/**
 * The store of `blobs` files, generated where there is none of this size and seed; its index anew for each version of the
 * tables. What was not finished is begun anew. Old ones are not removed: they are `entrepot-bench-store-…` in the directory for
 * temporary files.
 */
export async function prepareStore(blobs: number): Promise<PreparedStore> {
  const home = join(tmpdir(), `entrepot-bench-store-${generation}-${blobs}-${seed}`);
  const directory = join(home, "data");
  const pristineIndex = join(home, `index-${await schemaKey()}.db`);
  const startedAt = performance.now();
  // Side by side: each takes a processor.
  await Promise.all([ensureFiles(home, directory, blobs), ensureIndex(home, pristineIndex, blobs)]);
  const store: PreparedStore = {
    blobs,
    directory,
    pristineIndex,
    preparedSeconds: (performance.now() - startedAt) / 1000,
    async restore() {
      await restoreFiles(store);
      restoreIndex(store);
    },
  };
  return store;
}

async function ensureFiles(home: string, directory: string, blobs: number): Promise<void> {
  const marker = join(home, "files-complete");
  if (existsSync(marker)) return;
  await rm(directory, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  checkSpace(home, blobs);
  lockDataDirectory(directory).release();
  await prepareLayout(directory);
  await askProbe("files", { directory, blobs, seed });
  writeFileSync(marker, "");
}

async function ensureIndex(home: string, pristineIndex: string, blobs: number): Promise<void> {
  if (existsSync(pristineIndex)) return;
  const directory = join(home, "index-unfinished");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await askProbe("index", { directory, blobs, seed });
  await rename(join(directory, "index.db"), pristineIndex);
  await rm(directory, { recursive: true });
}

/** Changes whenever the tables do. */
async function schemaKey(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-schema-"));
  const database = openIndex(directory);
  try {
    const texts = database.prepare("SELECT sql FROM sqlite_schema ORDER BY name").pluck().all();
    return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 8);
  } finally {
    database.close();
    await rm(directory, { recursive: true });
  }
}

function checkSpace(home: string, blobs: number): void {
  const { ffree, bavail, bsize } = statfsSync(home);
  if (ffree < 2 * blobs) throw new Error(`${home}: ${ffree} inodes are free, ${2 * blobs} are wanted`);
  const wanted = blobs * 8192;
  if (bavail * bsize < wanted) throw new Error(`${home}: ${bavail * bsize} bytes are free, ${wanted} are wanted`);
}

async function restoreFiles({ blobs, directory, pristineIndex }: PreparedStore): Promise<void> {
  rmSync(join(directory, "quarantine"), { recursive: true, force: true });
  const missing = missingFiles(directory, pristineIndex);
  if (missing.size === 0) return;
  await askProbe("files", { directory, blobs, seed, only: [...missing] });
}

/** Removes what was not generated. */
function missingFiles(directory: string, pristineIndex: string): Set<Digest> {
  const index = new Database(pristineIndex, { readonly: true });
  try {
    const rows = index.prepare<[string, string], Digest>("SELECT digest FROM blob WHERE digest >= ? AND digest < ?");
    const missing = new Set<Digest>();
    for (const { algorithm, prefix } of shelves) {
      const expected = new Set(rows.pluck().all(`${algorithm}:${prefix}`, `${algorithm}:${prefix}g`));
      const place = join(directory, "blobs", algorithm, prefix);
      for (const name of readdirSync(place)) {
        if (!expected.delete(`${algorithm}:${name}` as Digest)) rmSync(join(place, name), { recursive: true });
      }
      for (const digest of expected) missing.add(digest);
    }
    return missing;
  } finally {
    index.close();
  }
}

function restoreIndex({ directory, pristineIndex }: PreparedStore): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith("index.")) rmSync(join(directory, name));
  }
  copyFileSync(pristineIndex, join(directory, "index.db"), constants.COPYFILE_FICLONE);
}
