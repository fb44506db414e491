import type { Digest } from "../oci/index.ts";

/** A digest without which an image cannot be pulled whole from here. */
export interface Missing {
  platform: string | undefined;
  digest: Digest;
  what: "manifest" | "config" | "layer";
  /** Bytes, as far as a manifest has claimed them. */
  bytes: number | undefined;
}

/** Whether a tag could be pulled whole if every upstream vanished now. */
export interface Readiness {
  isReady: boolean;
  /** Those that are complete; undefined stands for an image that no index names for a platform. */
  platforms: (string | undefined)[];
  /** Of the platforms that were asked about, or else of those that have been begun; at most 20. */
  missing: Missing[];
  /** Why it is not ready, in words; undefined where it is. */
  why: string | undefined;
}

/** One image that a tag leads to. */
export interface PlatformState {
  platform: string | undefined;
  digest: Digest;
  isHere: boolean;
  /** Manifest, config and all layers are here, and may be served. */
  isComplete: boolean;
}

/** A tag, or a manifest by its digest, as it is stored. Times in ms since the epoch, sizes in bytes. */
export interface Image {
  /** The canonical name. */
  image: string;
  digest: Digest;
  kind: "image" | "index" | "unknown";
  platforms: PlatformState[];
  /** Of what is here of it. */
  bytes: number;
  /** Of that, what nothing else needs, and what other images need too. */
  uniqueBytes: number;
  sharedBytes: number;
  firstFetchedAt: number | undefined;
  /** When the upstream last confirmed the tag; undefined for a digest. */
  checkedAt: number | undefined;
  lastPulledAt: number;
  /** Pins that hold it, as they were written. */
  pins: string[];
  /** Whether a rollback serves this digest for the tag. */
  isHeld: boolean;
  /** Whether the upstream has said that there is no such tag any more. */
  isGone: boolean;
  offlineReady: Readiness;
}

/** A config or a layer of one manifest. */
export interface ImageBlob {
  digest: Digest;
  role: "config" | "layer";
  size: number | undefined;
  isHere: boolean;
  /** Other images that need it, by name; at most 20. */
  sharedWith: string[];
  /** How many other manifests need it. */
  sharedWithCount: number;
}

/** A manifest of an image, here or only named. */
export interface ImageManifest {
  digest: Digest;
  kind: "image" | "index" | "unknown";
  platform: string | undefined;
  mediaType: string | undefined;
  size: number;
  isHere: boolean;
  lastPulledAt: number | undefined;
  /** Indexes of this image that name it. */
  parents: Digest[];
  blobs: ImageBlob[];
}

export interface ImageDetail extends Image {
  manifests: ImageManifest[];
  referrers: { digest: Digest; kind: "image" | "index" }[];
}

export const imageSorts = ["name", "lastPulledAt", "firstFetchedAt", "bytes", "uniqueBytes"] as const;
export type ImageSort = (typeof imageSorts)[number];

/** Which tags are wanted, and in which order. */
export interface ImageQuery {
  /** Part of the name, in any case. */
  q?: string | undefined;
  upstream?: string | undefined;
  isPinned?: boolean | undefined;
  /** With `platforms`: ready for all of them. */
  isOfflineReady?: boolean | undefined;
  /** Canonical. For which readiness is judged; without `isOfflineReady` also what a tag must offer, at least one of them. */
  platforms?: readonly string[] | undefined;
  sort: ImageSort;
  isDescending: boolean;
  limit: number;
  /** Where the page begins, as the page before has said. */
  cursor?: string | undefined;
}

export interface ImagePage {
  items: Image[];
  nextCursor: string | undefined;
  /** How many there are on all pages. */
  total: number;
}
