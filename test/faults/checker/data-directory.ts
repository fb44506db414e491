import { SqliteError, type Database } from "better-sqlite3";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withIndexCopy } from "./index-copy.ts";
import { namesIn, storedFiles, type StoredFile } from "./stored-files.ts";

/**
 * `crash`: as a killed process or a power cut has left it; `stop`: after a clean stop, when nothing unfinished may be
 * there either.
 */
export type Occasion = "crash" | "stop";

export interface CheckOptions {
  after: Occasion;
  /**
   * Digests (or other names of files) of what was spoilt on purpose: it may have come to `quarantine/`, and a crash may have
   * come before that.
   */
  spoilt?: readonly string[] | undefined;
}

interface BlobRow {
  digest: string;
  state: string;
  size: number | null;
}

/**
 * What is wrong in the data directory of an instance that does not run, in words; empty where all is well. It knows the
 * files and the tables and shares no code with the program. A file without a row is no violation: it is a blob that was
 * about to be recorded, or a doomed one whose row has gone first.
 */
export function checkDataDirectory(directory: string, { after, spoilt = [] }: CheckOptions): string[] {
  const files = storedFiles(directory);
  const wrong = files.filter(({ isRight }) => !isRight);
  const names = spoilt.map((digest) => digest.slice(digest.indexOf(":") + 1));
  const isSpoilt = (words: string): boolean => names.some((name) => words.includes(name));
  const unfinished = after === "stop" ? namesIn(join(directory, "ingest")) : [];
  const violations = [
    ...wrong.map(({ path }) => `${path}: the bytes do not have the digest of its name`),
    ...unfinished.map((name) => `ingest/${name}: left behind`),
    ...indexViolations(directory, files),
  ];
  const quarantined = namesIn(join(directory, "quarantine")).filter((name) => !isSpoilt(name));
  return [
    ...violations.filter((words) => after === "stop" || !isSpoilt(words)),
    ...quarantined.map((name) => `quarantine/${name}: nobody spoilt it`),
  ];
}

function indexViolations(directory: string, files: readonly StoredFile[]): string[] {
  if (!existsSync(join(directory, "index.db"))) return [];
  try {
    return withIndexCopy(directory, (index) => checkIndex(index, files));
  } catch (error) {
    if (error instanceof SqliteError) return [`index.db: ${error.message}`];
    throw error;
  }
}

function checkIndex(index: Database, files: readonly StoredFile[]): string[] {
  const integrity = index.pragma("integrity_check") as { integrity_check: string }[];
  const damage = integrity.map(({ integrity_check: words }) => words).filter((words) => words !== "ok");
  if (damage.length > 0) return damage.map((words) => `index.db: ${words}`);
  const version = index.pragma("user_version", { simple: true }) as number;
  if (version === 0) return [];
  const dangling = index.pragma("foreign_key_check") as { table: string; parent: string }[];
  return [
    ...dangling.map(({ table, parent }) => `index.db: a row of ${table} names a row of ${parent} that is not there`),
    ...checkRows(index, files),
    ...checkRefs(index),
    ...checkTotals(index, version),
    ...checkTags(index),
  ];
}

function checkRows(index: Database, files: readonly StoredFile[]): string[] {
  const sizes = new Map(files.map(({ digest, size }) => [digest, size]));
  const rows = index.prepare<[], BlobRow>("SELECT digest, state, size FROM blob WHERE state = 'present'").all();
  return rows.flatMap(({ digest, size }) => {
    const found = sizes.get(digest);
    if (found === undefined) return [`${digest}: a present row without a file`];
    return found === size ? [] : [`${digest}: the row says ${String(size)} bytes, the file has ${found}`];
  });
}

/** Referrers do not keep their subject: edges of that role count for nothing. */
function checkRefs(index: Database): string[] {
  const sql = `
    SELECT digest, refs, (SELECT count(*) FROM edge WHERE child = blob.id AND role <> 'subject') AS counted
    FROM blob WHERE refs <> counted`;
  const rows = index.prepare<[], { digest: string; refs: number; counted: number }>(sql).all();
  return rows.map(({ digest, refs, counted }) => `${digest}: refs is ${refs}, its edges are ${counted}`);
}

/** Since version 2 a doomed blob counts until its file has gone. */
function checkTotals(index: Database, version: number): string[] {
  const onDisk = version === 1 ? "state = 'present'" : "state IN ('present', 'doomed')";
  const counts: Record<string, string> = {
    blobs: `SELECT count(*) FROM blob WHERE ${onDisk}`,
    storedBytes: `SELECT coalesce(sum(size), 0) FROM blob WHERE ${onDisk}`,
    manifests: "SELECT count(*) FROM manifest",
    tags: "SELECT count(*) FROM tag",
    repositories: "SELECT count(*) FROM repository",
  };
  return Object.entries(counts).flatMap(([key, sql]) => {
    const stated = index.prepare("SELECT value FROM meta WHERE key = ?").pluck().get(key);
    const counted = index.prepare(sql).pluck().get();
    return stated === counted ? [] : [`meta.${key} is ${String(stated)}, the rows make ${String(counted)}`];
  });
}

function checkTags(index: Database): string[] {
  const sql = `
    SELECT tag.name AS name FROM tag LEFT JOIN manifest ON manifest.id = tag.manifest
    WHERE tag.manifest IS NOT NULL AND manifest.id IS NULL`;
  const rows = index.prepare<[], { name: string }>(sql).all();
  return rows.map(({ name }) => `the tag ${name} names a manifest that has no row`);
}
