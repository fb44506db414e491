import type { Database } from "better-sqlite3";
import { copyFileSync, existsSync, openSync, closeSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { backUp, backupPath } from "../../../src/metadata/backup.ts";
import { openIndex } from "../../../src/metadata/open-index.ts";
import { openOrRebuild, type OpenedIndex } from "../../../src/metadata/rebuild.ts";
import { Writes } from "../../../src/metadata/writes.ts";
import { alpine, digestFor, edge, latest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export const pageBytes = 4096;

/**
 * The directory of a process that was killed: `index.bak` names the tag's old manifest, the index the new one.
 * @param isInLog - Whether what came after the copy is in the log only.
 */
export async function crashedDirectory({ isInLog = false } = {}): Promise<string> {
  const running = await temporaryDirectory();
  const database = openIndex(running);
  const writes = new Writes(database);
  database.transaction(() => {
    for (let number = 0; number < 300; number += 1) {
      writes.apply({ op: "recordBlob", repository: alpine, digest: digestFor(`blob ${number}`), size: 1, at: 1 });
    }
    putTag(writes, "old");
  })();
  database.pragma("wal_checkpoint(TRUNCATE)");
  backUp(database, backupPath(running));
  database.transaction(() => putTag(writes, "new"))();
  if (!isInLog) database.pragma("wal_checkpoint(TRUNCATE)");
  const crashed = await temporaryDirectory();
  for (const name of ["index.db", "index.db-wal", "index.bak"]) copyFileSync(join(running, name), join(crashed, name));
  database.close();
  return crashed;
}

function putTag(writes: Writes, text: string): void {
  const edges = [edge("layer", `layer of ${text}`)];
  const manifest = { digest: digestFor(text), size: 7, mediaType: "t", kind: "image" as const, edges };
  writes.apply({ op: "recordManifest", repository: alpine, manifest, at: 1000 });
  writes.apply({ op: "moveTag", repository: alpine, tag: latest, digest: digestFor(text), at: 1000 });
}

/** Opens the index as the writer does, until the test is over. */
export function reopen(directory: string): OpenedIndex {
  const opened = openOrRebuild(directory);
  onTestFinished(() => void opened.database.close());
  return opened;
}

/** What the tag names: `old`, `new`, or `none` where there is no such tag. */
export function taggedIn(database: Database): string {
  const digest = database.prepare("SELECT digest FROM tag JOIN blob ON blob.id = tag.manifest").pluck().get();
  return ["old", "new"].find((text) => digestFor(text) === digest) ?? "none";
}

/** Page 1 begins with the header of the file. */
export function overwritePage(path: string, page: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(pageBytes, 0xa5), 0, pageBytes, (page - 1) * pageBytes);
  closeSync(file);
}

export function isOverwritten(path: string, page: number): boolean {
  if (!existsSync(path)) return false;
  return readFileSync(path)
    .subarray((page - 1) * pageBytes, page * pageBytes)
    .every((byte) => byte === 0xa5);
}
