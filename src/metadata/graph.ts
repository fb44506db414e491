import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { BlobState, RepositoryKey } from "./rows.ts";

/** A manifest or index that is in the index with its edges, as eviction and its explanation see it. */
export interface ManifestNode {
  id: number;
  digest: Digest;
  kind: "image" | "index";
  /** Bytes of the document itself. */
  size: number;
  state: BlobState;
  /** Times in ms since the epoch; `leasedUntil` is 0 where it was never leased. */
  accessedAt: number;
  fetchedAt: number;
  leasedUntil: number;
}

/** A blob that a manifest names by config or layer. */
export interface BlobNode {
  id: number;
  digest: Digest;
  /** Bytes; undefined for one that is not here and of which no manifest has claimed a size. */
  size: number | undefined;
  state: BlobState;
  /** How many edges other than `subject` name it. */
  refs: number;
}

/** A blob with the number of edges by which one manifest names it: the same digest may be config and layer. */
export interface NamedBlob extends BlobNode {
  uses: number;
  /** Whether its bytes are those of a manifest that is in the index for itself. */
  isManifest: boolean;
}

/** A blob that no manifest names. */
export interface OrphanNode extends BlobNode {
  accessedAt: number;
}

/** Where reading the queue of eviction, or of orphans, goes on: behind this one. */
export interface QueuePlace {
  accessedAt: number;
  id: number;
}

/** A manifest under a name that it has, or has had. */
export interface TagName {
  repository: RepositoryKey;
  tag: Tag;
  /** Whether the tag names it now, is held at it by a rollback, or named it once. */
  relation: "current" | "held" | "earlier";
}

/** A child that an index names for a platform. */
export interface ChildNode extends ManifestNode {
  platform: string | undefined;
}

export interface TagPeriod {
  digest: Digest;
  firstSeen: number;
  /** When the upstream last confirmed it. */
  lastSeen: number;
  /** Whether the tag names it now. */
  isCurrent: boolean;
}

export interface Departure {
  digest: Digest;
  image: string | undefined;
  reason: string;
  bytes: number;
  at: number;
}

export interface BlobFacts {
  digest: Digest;
  size: number | undefined;
  state: BlobState;
  refs: number;
  storedAt: number | undefined;
  accessedAt: number;
  verifiedAt: number | undefined;
}

/** A pin as it is kept; `platforms` undefined means all. */
export interface PinRow {
  image: string;
  origin: "config" | "api";
  platforms: readonly string[] | undefined;
}

/** What a manifest names, or one below it. */
export interface TreeEdge {
  /** Row of the manifest that names it. */
  parent: number;
  role: "child" | "config" | "layer";
  /** Of a child, where the index says one. */
  platform: string | undefined;
  id: number;
  digest: Digest;
  /** Bytes; the claim of the manifest for what is not here. */
  size: number;
  state: BlobState;
  /** How many edges other than `subject` name it, those of other manifests included. */
  refs: number;
  /** Of a child that is in the index itself; undefined for what was never fetched. */
  manifest: { kind: "image" | "index"; mediaType: string; accessedAt: number; isTagged: boolean } | undefined;
}

/** The reference graph, read on the caller's thread. Every method finds its rows by index. */
export interface Graph {
  /** A page of the queue: what could go next as a unit, least recently pulled first. An index with a manifest of its own below it is no unit. */
  queue(after: QueuePlace | undefined, limit: number): ManifestNode[];
  /** A page of the blobs that are here, that no manifest names, and that were not asked for since `before`; the oldest first. */
  orphans(before: number, limit: number, after?: QueuePlace): OrphanNode[];
  leased(now: number): ManifestNode[];
  manifest(digest: Digest): ManifestNode | undefined;
  /** Configs and layers. */
  blobs(manifest: number): NamedBlob[];
  /** Manifests below an index that are in the index themselves. */
  children(manifest: number): ChildNode[];
  /** All that a manifest names and all that the manifests below it name, down to the depth that is followed. */
  tree(manifest: number): TreeEdge[];
  /** What an index names, here or not: digest, platform, and whether its manifest is here. */
  named(manifest: number): { digest: Digest; platform: string | undefined; isHere: boolean }[];
  /** Indexes that name a manifest, with the platform they name it for. */
  parents(manifest: number): ChildNode[];
  /** The manifest that is its `subject`, if it is here. */
  subjects(manifest: number): ManifestNode[];
  /** Manifests whose `subject` is this one. */
  referrers(manifest: number): ManifestNode[];
  /** Manifests that name a blob by config or layer; at most `limit`. */
  users(digest: Digest, limit: number): ManifestNode[];
  /** Tags that name it now, are held at it, or have named it. */
  tags(digest: Digest): TagName[];
  /** Repositories that are recorded as holding it. */
  repositories(digest: Digest, limit: number): RepositoryKey[];
  /** How many units of the queue were pulled before this time, and not since. */
  rank(accessedAt: number): number;
  blobFacts(digest: Digest): BlobFacts | undefined;
  departures(of: { digest: Digest } | { image: string }): Departure[];
  /** Newest first. */
  tagHistory(repository: RepositoryKey, tag: Tag): TagPeriod[];
  heldDigest(repository: RepositoryKey, tag: Tag): Digest | undefined;
  /** Whether any tag is held at a digest. */
  anyHeld(): boolean;
  pins(): PinRow[];
}

/** What a repository and a tag are called in rows. */
export interface TagNameRow {
  upstream: string;
  name: RepositoryName;
  tag: Tag;
  relation: TagName["relation"];
}
