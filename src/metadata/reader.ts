import Database from "better-sqlite3";
import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import { FilesReader } from "./files-reader.ts";
import { GraphReader } from "./graph-reader.ts";
import type { BlobRow, HeldBlob, Listing, ListingKind, ManifestRow, Metadata, TagRow } from "./metadata.ts";
import type { RepositoryKey } from "./rows.ts";
import { ReadStatement } from "./read-statement.ts";
import { readSql } from "./read-sql.ts";

interface DigestKey {
  digest: Digest;
}
interface MemberKey extends DigestKey {
  upstream: string;
  name: RepositoryName;
}
interface TagKey {
  upstream: string;
  name: RepositoryName;
  tag: Tag;
}
interface ListingKey {
  upstream: string;
  name: RepositoryName;
  kind: ListingKind;
  key: string;
}

type Nullable<T> = { [K in keyof T]: T[K] | null };
type StoredTag = Pick<TagRow, "fetchedAt" | "checkedAt" | "firstSeen"> &
  Nullable<{
    manifest: Digest;
    held: Digest;
    goneSince: number;
    pending: Digest;
    pendingSize: number;
    pendingType: string;
    pendingSince: number;
  }>;

interface RelationIds {
  blob: number;
  repository: number;
}
interface Relation extends RelationIds, Nullable<{ size: number }>, Pick<BlobRow, "state"> {
  refs: number;
  isManifest: 0 | 1;
  isRecorded: 0 | 1;
}

/** An edge that proves membership: the size that its manifest claims. */
interface Claim {
  size: number;
}
type ClaimStatement = ReadStatement<RelationIds, Claim>;

/** Up to so many manifests that name a blob, the search begins at them; a base layer may be in every image. */
const maxRefsFromBlob = 8;

/** Waiting for a lock would stop the event loop; in WAL mode readers wait only for a recovery. */
const busyTimeoutMs = 1000;

/** All reads of the index, on the caller's thread: one read-only connection, each statement prepared once. */
export class Reader {
  readonly graph = new GraphReader();
  readonly files = new FilesReader();
  readonly #path: string;
  #database!: Database.Database;
  #statements!: ReturnType<typeof prepareAll>;

  constructor(path: string) {
    this.#path = path;
    this.open();
  }

  /** Opens the index at its path, for the first time or again after `close`. */
  open(): void {
    this.#database = new Database(this.#path, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
    this.#database.pragma("cache_size = -16000");
    this.#statements = prepareAll(this.#database);
    this.graph.use(this.#database);
    this.files.use(this.#database);
  }

  blob(digest: Digest): BlobRow | undefined {
    const row = this.#statements.blob.get({ digest });
    return row && { digest: row.digest, size: row.size ?? undefined, state: row.state };
  }

  manifest(digest: Digest): ManifestRow | undefined {
    return this.#statements.manifest.get({ digest });
  }

  isMember(repository: RepositoryKey, digest: Digest): boolean {
    const relation = this.#relation(repository, digest);
    return relation !== undefined && this.#isIn(relation);
  }

  held(repository: RepositoryKey, digest: Digest): HeldBlob | undefined {
    const relation = this.#relation(repository, digest);
    if (!relation || !this.#isIn(relation)) return undefined;
    const { size, state, isManifest, isRecorded } = relation;
    return { digest, size: size ?? undefined, state, isManifest: isManifest === 1, isRecorded: isRecorded === 1 };
  }

  isRecordedMember(repository: RepositoryKey, digest: Digest): boolean {
    return this.#relation(repository, digest)?.isRecorded === 1;
  }

  claimedSize(repository: RepositoryKey, digest: Digest): number | undefined {
    const relation = this.#relation(repository, digest);
    if (!relation) return undefined;
    const { claimDirectly, claimFromBlob, claimFromRepository } = this.#statements;
    return this.#claim(relation, { directly: claimDirectly, above: claimFromBlob, below: claimFromRepository })?.size;
  }

  isNamedAsBlob(digest: Digest): boolean {
    return this.#statements.namedAsBlob.get({ digest }) !== undefined;
  }

  tag(repository: RepositoryKey, tag: Tag): TagRow | undefined {
    const row = this.#statements.tag.get({ ...keyOf(repository), tag });
    return (
      row && {
        manifest: row.manifest ?? undefined,
        pending: pendingOf(row),
        pendingSince: row.pendingSince ?? undefined,
        fetchedAt: row.fetchedAt,
        checkedAt: row.checkedAt,
        firstSeen: row.firstSeen,
        held: row.held ?? undefined,
        goneSince: row.goneSince ?? undefined,
      }
    );
  }

  listing(repository: RepositoryKey, kind: ListingKind, key: string): Listing | undefined {
    return this.#statements.listing.get({ ...keyOf(repository), kind, key });
  }

  counts(): ReturnType<Metadata["counts"]> {
    const totals = new Map(this.#statements.totals.all({}).map(({ key, value }) => [key, value]));
    const total = (key: string): number => totals.get(key) ?? 0;
    return {
      blobs: total("blobs"),
      manifests: total("manifests"),
      tags: total("tags"),
      repositories: total("repositories"),
      storedBytes: total("storedBytes"),
    };
  }

  #relation({ upstream, name }: RepositoryKey, digest: Digest): Relation | undefined {
    return this.#statements.relation.get({ upstream, name, digest });
  }

  #isIn(relation: Relation): boolean {
    if (relation.isRecorded === 1) return true;
    const { memberDirectly, memberFromBlob, memberFromRepository } = this.#statements;
    const search = { directly: memberDirectly, above: memberFromBlob, below: memberFromRepository };
    return this.#claim(relation, search) !== undefined;
  }

  /** What a manifest of the repository says of the blob: from the few that name it, else from those of the repository. */
  #claim(relation: Relation, search: Record<"directly" | "above" | "below", ClaimStatement>): Claim | undefined {
    const ids = idsOf(relation);
    if (relation.refs <= maxRefsFromBlob) return search.above.get(ids);
    return search.directly.get(ids) ?? search.below.get(ids);
  }

  close(): void {
    this.#database.close();
  }
}

function prepareAll(database: Database.Database) {
  const statement = <P, R>(sql: string): ReadStatement<P, R> => new ReadStatement(database, sql);
  return {
    blob: statement<DigestKey, Nullable<{ size: number }> & Pick<BlobRow, "digest" | "state">>(readSql.blob),
    manifest: statement<DigestKey, ManifestRow>(readSql.manifest),
    relation: statement<MemberKey, Relation>(readSql.relation),
    memberDirectly: statement<RelationIds, Claim>(readSql.memberDirectly),
    memberFromBlob: statement<RelationIds, Claim>(readSql.memberFromBlob),
    memberFromRepository: statement<RelationIds, Claim>(readSql.memberFromRepository),
    claimDirectly: statement<RelationIds, Claim>(readSql.claimDirectly),
    claimFromBlob: statement<RelationIds, Claim>(readSql.claimFromBlob),
    claimFromRepository: statement<RelationIds, Claim>(readSql.claimFromRepository),
    namedAsBlob: statement<DigestKey, unknown>(readSql.namedAsBlob),
    tag: statement<TagKey, StoredTag>(readSql.tag),
    listing: statement<ListingKey, Listing>(readSql.listing),
    totals: statement<Record<string, never>, { key: string; value: number }>(readSql.totals),
  };
}

function idsOf({ blob, repository }: Relation): RelationIds {
  return { blob, repository };
}

/** Only the two fields: the caller's object may have more, and a statement refuses none but binds them by name. */
function keyOf({ upstream, name }: RepositoryKey): RepositoryKey {
  return { upstream, name };
}

function pendingOf({ pending, pendingSize, pendingType }: StoredTag): TagRow["pending"] {
  if (pending === null || pendingSize === null || pendingType === null) return undefined;
  return { digest: pending, size: pendingSize, mediaType: pendingType };
}
