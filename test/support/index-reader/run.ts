/**
 * Answers what the index of a running instance says, over IPC. A process of its own: an `index.db` opened a second time
 * in the process that has it open loses that one's locks.
 */
import Database from "better-sqlite3";
import { join } from "node:path";
import type { IndexQuestion, IndexReading } from "../index-reader.ts";

const database = new Database(join(process.argv[2] ?? "", "index.db"), { readonly: true });
const blob = database.prepare<[string], { state: string; size: number | null }>(
  "SELECT state, size FROM blob WHERE digest = ?",
);
const member = database.prepare<[string, string, string], { found: number }>(
  `SELECT 1 AS found FROM member JOIN repository ON repository.id = member.repository JOIN blob ON blob.id = member.blob
   WHERE repository.upstream = ? AND repository.name = ? AND blob.digest = ?`,
);
const tag = database.prepare<[string, string, string], { manifest: string | null; pending: string | null }>(
  `SELECT blob.digest AS manifest, tag.pending AS pending FROM tag JOIN repository ON repository.id = tag.repository
   LEFT JOIN blob ON blob.id = tag.manifest WHERE repository.upstream = ? AND repository.name = ? AND tag.name = ?`,
);

function read({ upstream, repository, digest, tag: name }: IndexQuestion): IndexReading {
  const row = blob.get(digest);
  const tagRow = name === undefined ? undefined : tag.get(upstream, repository, name);
  return {
    state: row?.state,
    size: row?.size ?? undefined,
    isMember: member.get(upstream, repository, digest) !== undefined,
    tagged: tagRow?.manifest ?? undefined,
    pending: tagRow?.pending ?? undefined,
  };
}

process.on("message", (question: IndexQuestion) => process.send?.(read(question)));
process.on("disconnect", () => process.exit());
process.send?.("ready");
