import Database from "better-sqlite3";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface BlobFact {
  digest: string;
  state: string;
  size: number | null;
  refs: number;
  isManifest: boolean;
}

export interface ManifestFact {
  digest: string;
  kind: "image" | "index";
  /** Whether its own bytes are here. */
  isHere: boolean;
  /** Configs and layers. */
  blobs: string[];
  /** What an index names, here or not. */
  children: { digest: string; platform: string | null }[];
  /** Repositories that are recorded as holding it. */
  repositories: string[];
}

export interface TagFact {
  manifest: string | undefined;
  held: string | undefined;
}

/** All that the index says, and the files that are there, at one moment. */
export interface Snapshot {
  blobs: Map<string, BlobFact>;
  manifests: Map<string, ManifestFact>;
  /** By repository and tag, `model/one:a`. */
  tags: Map<string, TagFact>;
  /** How often each digest has left by eviction. */
  departures: Map<string, number>;
  /** Digests whose stored count of references is not that of their edges. */
  miscounted: string[];
  /** Sizes of the files in `blobs/`. */
  files: Map<string, number>;
  staging: string[];
}

interface Edge {
  parent: string;
  child: string;
  role: string;
  platform: string | null;
}

/** Reads a data directory whose instance runs in another process. */
export function takeSnapshot(directory: string): Snapshot {
  const files = filesIn(directory);
  const index = new Database(join(directory, "index.db"), { readonly: true });
  try {
    return index.transaction(() => ({ ...readIndex(index), files, staging: readdirSync(join(directory, "ingest")) }))();
  } finally {
    index.close();
  }
}

function readIndex(index: Database.Database): Omit<Snapshot, "files" | "staging"> {
  const blobs = index
    .prepare<[], Omit<BlobFact, "isManifest"> & { isManifest: 0 | 1 }>(
      "SELECT digest, state, size, refs, is_manifest AS isManifest FROM blob",
    )
    .all()
    .map((row): BlobFact => ({ ...row, isManifest: row.isManifest === 1 }));
  const miscounted = index
    .prepare<[], string>(
      `SELECT digest FROM blob
       WHERE refs <> (SELECT count(*) FROM edge WHERE child = blob.id AND role <> 'subject')`,
    )
    .pluck()
    .all();
  return {
    blobs: new Map(blobs.map((blob) => [blob.digest, blob])),
    manifests: readManifests(index),
    tags: readTags(index),
    departures: readDepartures(index),
    miscounted,
  };
}

function readDepartures(index: Database.Database): Snapshot["departures"] {
  const sql = "SELECT digest, count(*) AS times FROM departure GROUP BY digest";
  const rows = index.prepare<[], { digest: string; times: number }>(sql).all();
  return new Map(rows.map(({ digest, times }) => [digest, times]));
}

function readManifests(index: Database.Database): Snapshot["manifests"] {
  const manifests = index
    .prepare<[], { digest: string; kind: "image" | "index"; state: string }>(
      "SELECT blob.digest, manifest.kind, blob.state FROM manifest JOIN blob USING (id)",
    )
    .all();
  const edges = index
    .prepare<[], Edge>(
      `SELECT parent.digest AS parent, child.digest AS child, edge.role, edge.platform FROM edge
       JOIN blob AS parent ON parent.id = edge.parent JOIN blob AS child ON child.id = edge.child`,
    )
    .all();
  const members = index
    .prepare<[], { digest: string; repository: string }>(
      `SELECT blob.digest, repository.name AS repository FROM member
       JOIN repository ON repository.id = member.repository JOIN blob ON blob.id = member.blob`,
    )
    .all();
  const facts = manifests.map(({ digest, kind, state }): ManifestFact => {
    const own = edges.filter(({ parent }) => parent === digest);
    return {
      digest,
      kind,
      isHere: state === "present",
      blobs: own.filter(({ role }) => role === "config" || role === "layer").map(({ child }) => child),
      children: own.filter(({ role }) => role === "child").map(({ child, platform }) => ({ digest: child, platform })),
      repositories: members.filter((member) => member.digest === digest).map(({ repository }) => repository),
    };
  });
  return new Map(facts.map((fact) => [fact.digest, fact]));
}

function readTags(index: Database.Database): Snapshot["tags"] {
  const tags = index
    .prepare<[], { repository: string; tag: string; manifest: string | null; held: string | null }>(
      `SELECT repository.name AS repository, tag.name AS tag, blob.digest AS manifest, held.digest AS held
       FROM tag JOIN repository ON repository.id = tag.repository
       LEFT JOIN blob ON blob.id = tag.manifest LEFT JOIN blob AS held ON held.id = tag.held`,
    )
    .all();
  return new Map(
    tags.map(({ repository, tag, manifest, held }) => [
      `${repository}:${tag}`,
      { manifest: manifest ?? undefined, held: held ?? undefined },
    ]),
  );
}

function filesIn(directory: string): Map<string, number> {
  const files = new Map<string, number>();
  const shelf = join(directory, "blobs", "sha256");
  for (const prefix of readdirSync(shelf)) {
    for (const name of readdirSync(join(shelf, prefix))) {
      const size = lstatSync(join(shelf, prefix, name), { throwIfNoEntry: false })?.size;
      if (size !== undefined) files.set(`sha256:${name}`, size);
    }
  }
  return files;
}

/** Whether an image, or of an index one of the platforms that `isWanted`, is here with all it needs. */
export function isComplete(
  snapshot: Snapshot,
  digest: string,
  isWanted: (platform: string | null) => boolean = () => true,
): boolean {
  const manifest = snapshot.manifests.get(digest);
  if (!manifest?.isHere) return false;
  if (manifest.kind === "image") return manifest.blobs.every((blob) => isHere(snapshot, blob));
  return manifest.children.some((child) => isWanted(child.platform) && isComplete(snapshot, child.digest));
}

export function isHere(snapshot: Snapshot, digest: string): boolean {
  return snapshot.blobs.get(digest)?.state === "present";
}
