import type { Files } from "./files.ts";
import type { Graph, PinRow } from "./graph.ts";
import type { BlobState, RepositoryKey } from "./rows.ts";
import type { Digest, ManifestEdge, Tag } from "../oci/index.ts";
import type { TagList } from "./tag-list.ts";

export interface BlobRow {
  digest: Digest;
  /** Bytes; for a blob that is only `known` this is a claim, or undefined. */
  size: number | undefined;
  state: BlobState;
}

/** A digest as one repository has it. */
export interface HeldBlob extends BlobRow {
  isManifest: boolean;
  /** Whether an own fetch or a proof through the repository is recorded; else a manifest of it names the digest. */
  isRecorded: boolean;
}

export interface ManifestRow {
  digest: Digest;
  size: number;
  mediaType: string;
  kind: "image" | "index";
  /** When its bytes came from the upstream, in ms since the epoch. */
  fetchedAt: number;
}

/** All times are milliseconds since the epoch. */
export interface TagRow {
  /** The digest served for the tag; undefined while only a HEAD has been answered. */
  manifest: Digest | undefined;
  /** What the upstream's HEAD last named, not fetched yet. */
  pending: { digest: Digest; size: number; mediaType: string } | undefined;
  /** When the upstream was first seen to name `pending`, without another digest in between. */
  pendingSince: number | undefined;
  /** When `manifest` became the tag's digest; 0 while there is none. */
  fetchedAt: number;
  /** When the upstream last confirmed `pending` or else `manifest`. */
  checkedAt: number;
  firstSeen: number;
  /** The digest that a rollback serves instead, until it is released. */
  held: Digest | undefined;
  /** When the origin first said 404 for a tag that we have; undefined while it exists. */
  goneSince: number | undefined;
}

/** A verified manifest with what it names. */
export interface NewManifest {
  digest: Digest;
  size: number;
  mediaType: string;
  kind: "image" | "index";
  edges: ManifestEdge[];
}

/** What is to leave: manifests with all that only they need, in this order, and blobs that no manifest names. */
export interface Victims {
  manifests: readonly Digest[];
  orphans: readonly Digest[];
}

/** A blob that is to be unlinked. */
export interface Doomed {
  digest: Digest;
  /** Bytes. */
  size: number;
}

export interface Evicted {
  doomed: Doomed[];
  /** The victims that were there, with the bytes that each one set free. */
  left: { digest: Digest; image: string | undefined; bytes: number }[];
}

export type ListingKind = "tags" | "referrers";

export interface Listing {
  body: string;
  fetchedAt: number;
}

/** A damaged index was set aside under `damaged`, and this one began from its last copy, or from nothing. */
export interface Rebuilt {
  damaged: string;
  from: "backup" | "nothing";
}

/**
 * The reference index. Reads are synchronous on the caller's thread and see every write whose promise has resolved.
 * Writes go to one writer in a worker, grouped into transactions; a promise resolves after its commit is durable.
 */
export interface Metadata {
  /** Whether the last process that had the index open came to the end of its `close`. */
  readonly wasStoppedCleanly: boolean;
  /** What had to be done to the index before it could be opened; undefined where it was whole. */
  readonly rebuilt: Rebuilt | undefined;
  readonly graph: Graph;
  readonly files: Files;
  readonly tagList: TagList;
  /** Grows with every write that may change what is here, or how long a tag is believed; times of access do not count. */
  readonly revision: number;

  blob(digest: Digest): BlobRow | undefined;
  /** The row of a manifest whose bytes are present. */
  manifest(digest: Digest): ManifestRow | undefined;
  /** Whether `digest` is recorded as held by the repository, or a manifest held by it (over any number of `child` edges) names it by config, layer or child. */
  isMember(repository: RepositoryKey, digest: Digest): boolean;
  /** The row of a digest that the repository holds (see `isMember`), in one look: what a hit needs. */
  held(repository: RepositoryKey, digest: Digest): HeldBlob | undefined;
  /** Whether an own fetch or a proof through the repository is recorded; named by a manifest does not count. */
  isRecordedMember(repository: RepositoryKey, digest: Digest): boolean;
  /** The size that a stored manifest of the repository claims for a config or a layer; undefined where none names it. */
  claimedSize(repository: RepositoryKey, digest: Digest): number | undefined;
  /** Whether any stored manifest names `digest` as a config or a layer. */
  isNamedAsBlob(digest: Digest): boolean;
  tag(repository: RepositoryKey, tag: Tag): TagRow | undefined;
  listing(repository: RepositoryKey, kind: ListingKind, key: string): Listing | undefined;
  /**
   * The same as `counts().storedBytes`, but of the moment at which the last outcome of a write came here: it changes together
   * with what waits for that write, and never before.
   */
  readonly storedBytes: number;
  /** `blobs` and `storedBytes` count files that are on the disk, those of manifests and of doomed blobs included. */
  counts(): { blobs: number; manifests: number; tags: number; repositories: number; storedBytes: number };

  /** A blob whose file is committed: row `present` and membership, in one transaction. */
  recordBlob(repository: RepositoryKey, digest: Digest, size: number): Promise<void>;
  /** Proven to be in the repository without having been downloaded through it; a row is made as `known` if there is none. */
  recordMember(repository: RepositoryKey, digest: Digest, size: number | undefined): Promise<void>;
  /** A manifest whose file is committed: blob row, manifest row, edges (children become `known`), membership; a tag of this repository that has it pending moves to it, unless it is held (`recordPending`). */
  recordManifest(repository: RepositoryKey, manifest: NewManifest, at: number): Promise<void>;
  /** The same of a manifest whose blob has a row with a file already and whose repositories are not known. */
  adoptManifest(manifest: NewManifest, at: number): Promise<void>;
  /** The tag names a stored manifest as of `at`; clears `pending` and `goneSince`. */
  moveTag(repository: RepositoryKey, tag: Tag, digest: Digest, at: number): Promise<void>;
  /** The upstream confirmed at `at` what we have; clears `goneSince`. */
  confirmTag(repository: RepositoryKey, tag: Tag, at: number): Promise<void>;
  /**
   * The upstream named at `at` a digest that the tag does not have yet; clears `goneSince`. If it is the tag's manifest
   * after all, that confirms the tag and clears `pending`. Until it has been pending for `holdForMs`, a fetch of it by its
   * digest does not move the tag.
   */
  recordPending(
    repository: RepositoryKey,
    tag: Tag,
    pending: NonNullable<TagRow["pending"]>,
    at: number,
    holdForMs?: number,
  ): Promise<void>;
  /** The origin said 404 at `at`; keeps an earlier mark. */
  markTagGone(repository: RepositoryKey, tag: Tag, at: number): Promise<void>;
  dropTag(repository: RepositoryKey, tag: Tag): Promise<void>;
  recordListing(repository: RepositoryKey, kind: ListingKind, key: string, body: string, at: number): Promise<void>;
  dropListing(repository: RepositoryKey, kind: ListingKind, key: string): Promise<void>;
  /** The file is gone or wrong: the row becomes `known`. */
  forgetFile(digest: Digest): Promise<void>;
  /** A file that had no row, found right now; its bytes were last written at `modifiedAt`. No repository is known to hold it. */
  adoptBlob(digest: Digest, size: number, modifiedAt: number): Promise<void>;
  /** The same of a manifest's file, with its edges in the same transaction: without them it would be taken for an orphan. */
  adoptManifestFile(manifest: NewManifest, modifiedAt: number): Promise<void>;
  /** These files were found right at `at`. */
  recordVerified(digests: readonly Digest[], at: number): Promise<void>;
  /** No edges are missing any more; see `Files.hasEdgesToRead`. */
  recordEdgesRead(): Promise<void>;
  /** Takes the victims out of the graph; the caller then unlinks what is doomed and calls `recordRemoved`. */
  evict(victims: Victims, reason: string): Promise<Evicted>;
  /** The files of doomed blobs are gone. */
  recordRemoved(digests: readonly Digest[]): Promise<void>;
  /** A doomed blob whose file is still there becomes present again; false where it is not doomed any more. */
  revive(digest: Digest): Promise<boolean>;
  /** The tag is served with an earlier digest, whose manifest is stored, until it is released (undefined). */
  holdTag(repository: RepositoryKey, tag: Tag, digest: Digest | undefined): Promise<void>;
  putPin(pin: PinRow): Promise<void>;
  /** Takes away a pin that came by the API; whether there was one. */
  dropPin(image: string): Promise<boolean>;
  /** Replaces all pins that came from the configuration. */
  setConfigPins(pins: readonly Omit<PinRow, "origin">[]): Promise<void>;
  /** Last access of blobs and manifests, in ms; kept in memory and written in batches. `leasedUntil`: the manifest is leased. */
  touch(digest: Digest, at: number, leasedUntil?: number): void;
  /** Writes what `touch` holds back. */
  flushTouches(): Promise<void>;
  /** Shows that the index can be written; after a failure of the disk it is begun anew from what can be read of it. */
  probe(): Promise<void>;
  /** Writes a copy of the index to `path`, by default `index.bak`; other writes wait meanwhile. */
  backup(path?: string): Promise<void>;
  /** Writes what is outstanding, backs up to `index.bak`, marks the stop as clean, closes. Rejects if the copy could not be made; all is closed even then. */
  close(): Promise<void>;
}
