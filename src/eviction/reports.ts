import type { Digest } from "../oci/index.ts";

/** Why something is kept, or when and why it left. Times in ms since the epoch, sizes in bytes. */
export interface Explanation {
  digest: Digest;
  kind: "image" | "index" | "blob" | "unknown";
  /** `absent`: no row at all; what is told then is when it left. */
  state: "present" | "known" | "doomed" | "absent";
  size: number | undefined;
  /** Tags that name it or an index above it, now (`current`), by a rollback (`held`), or earlier. */
  tags: { image: string; relation: "current" | "held" | "earlier" }[];
  /** Manifests that need it: those that name a blob, or the indexes above a manifest. At most 100. */
  neededBy: { digest: Digest; kind: "image" | "index"; platform: string | undefined; images: string[] }[];
  /** What an index names. */
  platforms: { digest: Digest; platform: string | undefined; isHere: boolean }[];
  /** Pins that hold it, as they were written. */
  pins: string[];
  leasedUntil: number | undefined;
  firstFetchedAt: number | undefined;
  lastPulledAt: number | undefined;
  lastVerifiedAt: number | undefined;
  /** 1 is the next to go; undefined for what is no unit of eviction, or is pinned. */
  queue: { rank: number } | undefined;
  /** Of what it needs and is here: bytes that only it needs, and bytes that others need too. */
  uniqueBytes: number;
  sharedBytes: number;
  departures: { image: string | undefined; reason: string; bytes: number; at: number }[];
}

export interface PlannedVictim {
  digest: Digest;
  kind: "image" | "index" | "blob";
  images: string[];
  lastPulledAt: number;
  /** Bytes that its going sets free, those before it gone already. */
  bytes: number;
}

/** What would go, or has gone, to free space. */
export interface EvictionReport {
  wantedBytes: number;
  freedBytes: number;
  /** Bytes that the victims need and others need too: these stay. */
  keptSharedBytes: number;
  victims: PlannedVictim[];
}
