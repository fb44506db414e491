import Database from "better-sqlite3";
import type { Digest, Tag } from "../oci/index.ts";
import { FilesReader } from "./files-reader.ts";
import { GraphReader } from "./graph-reader.ts";
import type { BlobRow, HeldBlob, Listing, ListingKind, ManifestRow, Metadata, TagRow } from "./metadata.ts";
import { KnownRepositories, type KnownRepository } from "./known-repositories.ts";
import type { RepositoryKey } from "./rows.ts";
import { ReadStatement } from "./read-statement.ts";
import { readSql } from "./read-sql.ts";
import { TagListReader } from "./tag-list-reader.ts";

interface DigestKey {
  digest: Digest;
}
interface RelationKey extends DigestKey {
  repository: number;
}
interface TagKey {
  repository: number;
  tag: Tag;
}
interface ListingKey {
  repository: number;
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
interface RelationRow extends Nullable<{ size: number }>, Pick<BlobRow, "state"> {
  blob: number;
  refs: number;
  isManifest: 0 | 1;
  isRecorded: 0 | 1;
}

type Relation = RelationRow & { repository: KnownRepository };

/** An edge that proves membership: the size that its manifest claims. */
interface Claim {
  size: number;
}
type ClaimStatement = ReadStatement<RelationIds, Claim>;

/** The ways to look for a proof: over one edge, then over any number of them; up from the blob, or from the repository's manifests. */
type ProofSearch = Record<"directlyAbove" | "above" | "asLayer" | "below", ClaimStatement>;

/** Up to so many manifests that name a blob, the search begins at them; a base layer may be in every image. */
const maxRefsFromBlob = 8;

/** Waiting for a lock would stop the event loop; in WAL mode readers wait only for a recovery. */
const busyTimeoutMs = 1000;

/** All reads of the index, on the caller's thread: one read-only connection, each statement prepared once. */
export class Reader {
  readonly graph = new GraphReader();
  readonly files = new FilesReader();
  readonly tagList = new TagListReader();
  readonly #path: string;
  readonly #repositories = new KnownRepositories(
    (repository) => this.#statements.repository.get(keyOf(repository))?.id,
  );
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
    this.#repositories.forgetAll();
    this.graph.use(this.#database);
    this.files.use(this.#database);
    this.tagList.use(this.#database);
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
    if (isManifest === 1) relation.repository.lastManifest = relation.blob;
    return { digest, size: size ?? undefined, state, isManifest: isManifest === 1, isRecorded: isRecorded === 1 };
  }

  isRecordedMember(repository: RepositoryKey, digest: Digest): boolean {
    return this.#relation(repository, digest)?.isRecorded === 1;
  }

  claimedSize(repository: RepositoryKey, digest: Digest): number | undefined {
    const relation = this.#relation(repository, digest);
    if (!relation) return undefined;
    return findClaim(relation, this.#statements.claims)?.size;
  }

  isNamedAsBlob(digest: Digest): boolean {
    return this.#statements.namedAsBlob.get({ digest }) !== undefined;
  }

  tag(key: RepositoryKey, tag: Tag): TagRow | undefined {
    const repository = this.#repositories.get(key);
    const row = repository && this.#statements.tag.get({ repository: repository.id, tag });
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

  listing(of: RepositoryKey, kind: ListingKind, key: string): Listing | undefined {
    const repository = this.#repositories.get(of);
    return repository && this.#statements.listing.get({ repository: repository.id, kind, key });
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

  #relation(key: RepositoryKey, digest: Digest): Relation | undefined {
    const repository = this.#repositories.get(key);
    const row = repository && this.#statements.relation.get({ repository: repository.id, digest });
    return row && { ...row, repository };
  }

  #isIn(relation: Relation): boolean {
    return (
      relation.isRecorded === 1 ||
      this.#isOfLastManifest(relation) ||
      findClaim(relation, this.#statements.proofs) !== undefined
    );
  }

  #isOfLastManifest({ blob, repository: { id, lastManifest } }: Relation): boolean {
    if (lastManifest === undefined) return false;
    return this.#statements.ofManifest.get({ blob, repository: id, manifest: lastManifest }) !== undefined;
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
    repository: statement<RepositoryKey, { id: number }>(readSql.repository),
    relation: statement<RelationKey, RelationRow>(readSql.relation),
    ofManifest: statement<RelationIds & { manifest: number }, Claim>(readSql.memberOfManifest),
    proofs: {
      directlyAbove: statement<RelationIds, Claim>(readSql.memberDirectlyFromBlob),
      above: statement<RelationIds, Claim>(readSql.memberFromBlob),
      asLayer: statement<RelationIds, Claim>(readSql.memberAsLayer),
      below: statement<RelationIds, Claim>(readSql.memberFromRepository),
    },
    claims: {
      directlyAbove: statement<RelationIds, Claim>(readSql.claimDirectlyFromBlob),
      above: statement<RelationIds, Claim>(readSql.claimFromBlob),
      asLayer: statement<RelationIds, Claim>(readSql.claimAsLayer),
      below: statement<RelationIds, Claim>(readSql.claimFromRepository),
    },
    namedAsBlob: statement<DigestKey, unknown>(readSql.namedAsBlob),
    tag: statement<TagKey, StoredTag>(readSql.tag),
    listing: statement<ListingKey, Listing>(readSql.listing),
    totals: statement<Record<string, never>, { key: string; value: number }>(readSql.totals),
  };
}

/** What a manifest of the repository says of the blob: from the few that name it, else from those of the repository. */
function findClaim({ blob, repository, refs }: Relation, search: ProofSearch): Claim | undefined {
  const ids = { blob, repository: repository.id };
  if (refs <= maxRefsFromBlob) return search.directlyAbove.get(ids) ?? search.above.get(ids);
  return search.asLayer.get(ids) ?? search.below.get(ids);
}

/** Only the two fields: the caller's object may have more, and a statement refuses none but binds them by name. */
function keyOf({ upstream, name }: RepositoryKey): RepositoryKey {
  return { upstream, name };
}

function pendingOf({ pending, pendingSize, pendingType }: StoredTag): TagRow["pending"] {
  if (pending === null || pendingSize === null || pendingType === null) return undefined;
  return { digest: pending, size: pendingSize, mediaType: pendingType };
}
