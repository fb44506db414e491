import Database from "better-sqlite3";
import { createHash } from "node:crypto";
import { constants, copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shelves } from "../../../src/blobstore/index.ts";
import { openIndex } from "../../../src/metadata/open-index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import { buildStore, writeFiles } from "./build-store.ts";
import { Releases } from "./releases.ts";

const seed = 1;

/** A generated data directory, kept under the system's directory for temporary files and used again. */
export interface PreparedStore {
  blobs: number;
  /** The data directory. */
  directory: string;
  /** The index as it was generated, beside the data directory: for looking around without touching the other one. */
  pristineIndex: string;
  /** What it took to make it, and its size. */
  built: Built;
  /** Makes everything as it was generated: the index, and the files that are missing or are too many. Nobody may have it open. */
  restore(): void;
}

interface Built {
  seconds: number;
  indexMiB: number;
}

/**
 * The store of `blobs` files, generated where there is none of this size, seed and version of the index. One that was not
 * finished is begun anew. Old ones are not removed: they are `entrepot-bench-store-…` in the directory for temporary files.
 */
export async function prepareStore(blobs: number): Promise<PreparedStore> {
  const home = join(tmpdir(), `entrepot-bench-store-${blobs}-${seed}-${await schemaKey()}`);
  const directory = join(home, "data");
  const pristineIndex = join(home, "pristine.db");
  const marker = join(home, "complete.json");
  if (!existsSync(marker)) {
    await rm(home, { recursive: true, force: true });
    await mkdir(home, { recursive: true });
    checkSpace(home, blobs);
    const startedAt = performance.now();
    await buildStore(directory, new Releases(blobs, seed).all(), seed);
    copyFileSync(join(directory, "index.db"), pristineIndex);
    const built = { seconds: (performance.now() - startedAt) / 1000, indexMiB: sizeMiB(pristineIndex) };
    writeFileSync(marker, JSON.stringify(built));
  }
  const store: PreparedStore = {
    blobs,
    directory,
    pristineIndex,
    built: JSON.parse(readFileSync(marker, "utf8")) as Built,
    restore() {
      restoreFiles(store);
      restoreIndex(store);
    },
  };
  store.restore();
  return store;
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

function restoreFiles({ blobs, directory, pristineIndex }: PreparedStore): void {
  rmSync(join(directory, "quarantine"), { recursive: true, force: true });
  const missing = missingFiles(directory, pristineIndex);
  if (missing.size === 0) return;
  writeFiles(directory, new Releases(blobs, seed).all(), (digest) => missing.has(digest));
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

function sizeMiB(path: string): number {
  return Math.round(statSync(path).size / 1024 ** 2);
}
