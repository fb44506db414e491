import Database from "better-sqlite3";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../support/reply.ts";
import { seededBytes } from "../../upstream/index.ts";
import type { PublishedTag } from "../support/published.ts";
import type { Scenario } from "./scenario.ts";

/** A name that no digest has. */
const stranger = "stranger";

/**
 * An instance finds files and index in disagreement: an image whose files have no rows, a row without its file, a file of
 * another size than its row says, a doomed blob, and a file that has no business there. It is stopped at every step of
 * putting that right.
 */
export const reconcile: Scenario = {
  name: "a reconcile",
  publish(upstream) {
    return ["whole", "orphaned", "spoilt"].map((name) => {
      const repository = `library/${name}`;
      const image = upstream.pushImage(repository, "latest", { layers: [30_000, 40_000] });
      return { repository, tag: "latest", versions: [image] };
    });
  },
  async prepare({ run, published, dataDirectory }) {
    await run(async ({ puller }) => {
      for (const tag of published) {
        for (const image of tag.versions) await puller.pullUntilHit(tag, image, false);
      }
    });
    const { gone, resized } = spoiltIn(published);
    rmSync(pathIn(dataDirectory, gone));
    rmSync(pathIn(dataDirectory, resized));
    writeFileSync(pathIn(dataDirectory, resized), "too short");
    writeFileSync(join(dataDirectory, "blobs", "sha256", "00", stranger), "what is this?");
    writeFileSync(pathIn(dataDirectory, doomed.digest), doomed.bytes);
    const index = new Database(join(dataDirectory, "index.db"));
    try {
      for (const { repository, versions } of published.slice(1, 2)) {
        forget(index, repository, versions.flatMap(digestsOf));
      }
      const { digest, bytes } = doomed;
      const sql = "INSERT INTO blob (digest, size, state, accessed_at) VALUES (?, ?, 'doomed', 1)";
      index.prepare(sql).run(digest, bytes.length);
      index.prepare("UPDATE meta SET value = 0 WHERE key = 'stoppedCleanly'").run();
    } finally {
      index.close();
    }
  },
  async act({ instance, puller, published }) {
    await instance.reconciled();
    for (const tag of published.slice(0, 1)) {
      for (const image of tag.versions) await puller.pullUntilHit(tag, image, false);
    }
  },
  spoilt(published) {
    const { gone, resized } = spoiltIn(published);
    return [gone, resized, doomed.digest, stranger];
  },
};

const doomedBytes = seededBytes("doomed", 20_000);
const doomed = { digest: sha256(doomedBytes), bytes: doomedBytes };

function digestsOf({ digest, config, layers }: PublishedTag["versions"][number]): string[] {
  return [digest, config.digest, ...layers.map((layer) => layer.digest)];
}

function spoiltIn(published: readonly PublishedTag[]): { gone: string; resized: string } {
  const [gone, resized] = published.at(-1)?.versions.at(-1)?.layers ?? [];
  if (!gone || !resized) throw new Error("an image of two layers is to be spoilt");
  return { gone: gone.digest, resized: resized.digest };
}

function pathIn(dataDirectory: string, digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return join(dataDirectory, "blobs", algorithm, hex.slice(0, 2), hex);
}

/** Takes everything that the index knows of a repository's image out of it; the files stay. */
function forget(index: Database.Database, repository: string, digests: readonly string[]): void {
  index.pragma("foreign_keys = ON");
  const ids = `(SELECT id FROM blob WHERE digest IN (${digests.map(() => "?").join(", ")}))`;
  index.prepare("DELETE FROM tag WHERE repository = (SELECT id FROM repository WHERE name = ?)").run(repository);
  for (const sql of [
    `DELETE FROM edge WHERE parent IN ${ids}`,
    `DELETE FROM manifest WHERE id IN ${ids}`,
    `DELETE FROM member WHERE blob IN ${ids}`,
    `DELETE FROM blob WHERE id IN ${ids}`,
  ]) {
    index.prepare(sql).run(...digests);
  }
}
