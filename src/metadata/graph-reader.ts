import type { Database } from "better-sqlite3";
import type { Digest, Tag } from "../oci/index.ts";
import { ReadStatement } from "./read-statement.ts";
import { graphSql } from "./graph-sql.ts";
import type {
  BlobFacts,
  ChildNode,
  Departure,
  Graph,
  ManifestNode,
  NamedBlob,
  OrphanNode,
  PinRow,
  QueuePlace,
  TagName,
  TagNameRow,
  TagPeriod,
  TreeEdge,
} from "./graph.ts";
import type { RepositoryKey } from "./rows.ts";

type Nullable<T, K extends keyof T> = Omit<T, K> & { [P in K]: Exclude<T[P], undefined> | null };
type ChildRow = Nullable<ChildNode, "platform">;
type TreeRow = Nullable<Omit<TreeEdge, "manifest">, "platform"> &
  Nullable<Omit<NonNullable<TreeEdge["manifest"]>, "isTagged">, "kind" | "mediaType" | "accessedAt"> & {
    isTagged: 0 | 1;
  };

/** Before every manifest in the queue. */
const front: QueuePlace = { accessedAt: -1, id: -1 };

/** The reference graph on the reader's connection, each statement prepared once. */
export class GraphReader implements Graph {
  #sql!: ReturnType<typeof prepareAll>;

  /** Reads from this connection from now on. */
  use(database: Database): void {
    this.#sql = prepareAll(database);
  }

  queue(after: QueuePlace = front, limit: number): ManifestNode[] {
    return this.#sql.queue.all({ accessedAt: after.accessedAt, id: after.id, limit });
  }

  orphans(before: number, limit: number, after = front): OrphanNode[] {
    const rows = this.#sql.orphans.all({ before, accessedAt: after.accessedAt, id: after.id, limit });
    return rows.map((row) => ({ ...row, size: row.size ?? undefined }));
  }

  leased(now: number): ManifestNode[] {
    return this.#sql.leased.all({ now });
  }

  manifest(digest: Digest): ManifestNode | undefined {
    return this.#sql.manifest.get({ digest });
  }

  blobs(manifest: number): NamedBlob[] {
    const rows = this.#sql.blobs.all({ manifest });
    return rows.map((row) => ({ ...row, size: row.size ?? undefined, isManifest: row.isManifest === 1 }));
  }

  children(manifest: number): ChildNode[] {
    return this.#sql.children.all({ manifest }).map(childNode);
  }

  tree(manifest: number): TreeEdge[] {
    return this.#sql.tree.all({ manifest }).map(treeEdge);
  }

  named(manifest: number): { digest: Digest; platform: string | undefined; isHere: boolean }[] {
    return this.#sql.named
      .all({ manifest })
      .map(({ digest, platform, isHere }) => ({ digest, platform: platform ?? undefined, isHere: isHere === 1 }));
  }

  parents(manifest: number): ChildNode[] {
    return this.#sql.parents.all({ manifest }).map(childNode);
  }

  subjects(manifest: number): ManifestNode[] {
    return this.#sql.subjects.all({ manifest });
  }

  referrers(manifest: number): ManifestNode[] {
    return this.#sql.referrers.all({ manifest });
  }

  users(digest: Digest, limit: number): ManifestNode[] {
    return this.#sql.users.all({ digest, limit });
  }

  tags(digest: Digest): TagName[] {
    const rows = this.#sql.tags.all({ digest });
    return rows.map(({ upstream, name, tag, relation }) => ({ repository: { upstream, name }, tag, relation }));
  }

  repositories(digest: Digest, limit: number): RepositoryKey[] {
    return this.#sql.repositories.all({ digest, limit });
  }

  rank(accessedAt: number): number {
    return this.#sql.rank.get({ accessedAt }) ?? 0;
  }

  blobFacts(digest: Digest): BlobFacts | undefined {
    const row = this.#sql.blobFacts.get({ digest });
    return (
      row && {
        ...row,
        size: row.size ?? undefined,
        storedAt: row.storedAt ?? undefined,
        verifiedAt: row.verifiedAt ?? undefined,
      }
    );
  }

  departures(of: { digest: Digest } | { image: string }): Departure[] {
    const rows =
      "digest" in of
        ? this.#sql.departuresOfDigest.all({ digest: of.digest })
        : this.#sql.departuresOfImage.all({ image: of.image });
    return rows.map((row) => ({ ...row, image: row.image ?? undefined }));
  }

  tagHistory({ upstream, name }: RepositoryKey, tag: Tag): TagPeriod[] {
    const rows = this.#sql.tagHistory.all({ upstream, name, tag });
    return rows.map((row) => ({ ...row, isCurrent: row.isCurrent === 1 }));
  }

  heldDigest({ upstream, name }: RepositoryKey, tag: Tag): Digest | undefined {
    return this.#sql.held.get({ upstream, name, tag })?.digest;
  }

  anyHeld(): boolean {
    return this.#sql.anyHeld.get({}) === 1;
  }

  pins(): PinRow[] {
    return this.#sql.pins.all({}).map((row) => ({ ...row, platforms: row.platforms?.split(",") }));
  }
}

function prepareAll(database: Database) {
  const statement = <P, R>(sql: string): ReadStatement<P, R> => new ReadStatement(database, sql);
  interface TagKey extends RepositoryKey {
    tag: Tag;
  }
  return {
    queue: statement<QueuePlace & { limit: number }, ManifestNode>(graphSql.queue),
    rank: statement<{ accessedAt: number }, number>(graphSql.rank).pluck(),
    orphans: statement<QueuePlace & { before: number; limit: number }, Nullable<OrphanNode, "size">>(graphSql.orphans),
    leased: statement<{ now: number }, ManifestNode>(graphSql.leased),
    manifest: statement<{ digest: Digest }, ManifestNode>(graphSql.manifest),
    blobs: statement<{ manifest: number }, Omit<Nullable<NamedBlob, "size">, "isManifest"> & { isManifest: 0 | 1 }>(
      graphSql.blobs,
    ),
    children: statement<{ manifest: number }, ChildRow>(graphSql.children),
    tree: statement<{ manifest: number }, TreeRow>(graphSql.tree),
    named: statement<{ manifest: number }, { digest: Digest; platform: string | null; isHere: 0 | 1 }>(graphSql.named),
    parents: statement<{ manifest: number }, ChildRow>(graphSql.parents),
    subjects: statement<{ manifest: number }, ManifestNode>(graphSql.subjects),
    referrers: statement<{ manifest: number }, ManifestNode>(graphSql.referrers),
    users: statement<{ digest: Digest; limit: number }, ManifestNode>(graphSql.users),
    tags: statement<{ digest: Digest }, TagNameRow>(graphSql.tags),
    repositories: statement<{ digest: Digest; limit: number }, RepositoryKey>(graphSql.repositories),
    blobFacts: statement<{ digest: Digest }, Nullable<BlobFacts, "size" | "storedAt" | "verifiedAt">>(
      graphSql.blobFacts,
    ),
    departuresOfDigest: statement<{ digest: Digest }, Nullable<Departure, "image">>(graphSql.departuresOfDigest),
    departuresOfImage: statement<{ image: string }, Nullable<Departure, "image">>(graphSql.departuresOfImage),
    tagHistory: statement<TagKey, Omit<TagPeriod, "isCurrent"> & { isCurrent: 0 | 1 }>(graphSql.tagHistory),
    held: statement<TagKey, { digest: Digest }>(graphSql.held),
    anyHeld: statement<Record<string, never>, number>(graphSql.anyHeld).pluck(),
    pins: statement<Record<string, never>, Omit<PinRow, "platforms"> & { platforms: string | null }>(graphSql.pins),
  };
}

function childNode(row: ChildRow): ChildNode {
  return { ...row, platform: row.platform ?? undefined };
}

function treeEdge({ platform, kind, mediaType, accessedAt, isTagged, ...named }: TreeRow): TreeEdge {
  const isStored = kind !== null && mediaType !== null && accessedAt !== null;
  const manifest = isStored ? { kind, mediaType, accessedAt, isTagged: isTagged === 1 } : undefined;
  return { ...named, platform: platform ?? undefined, manifest };
}
