import type { ClientFamily, Outcome } from "../telemetry/index.ts";

/** The body of `GET /api/v1/stats`. Counts are since the start, sizes in bytes, times in RFC 3339. */
export interface Stats {
  version: string;
  startedAt: string;
  uptimeSeconds: number;
  /** By what the clients call themselves; `lastAt` null for one that has not come yet. */
  requestsByClient: Record<ClientFamily, { requests: number; lastAt: string | null }>;
  requests: { total: number; byOutcome: Record<Outcome, number> };
  servedBytes: number;
  fetchedBytes: number;
  savedBytes: number;
  store: {
    bytes: number;
    maxBytes: number;
    /** Promised to running fills. */
    reservedBytes: number;
    /** Available on the file system of the store. */
    freeBytes: number;
    blobs: number;
    manifests: number;
    tags: number;
    repositories: number;
    /** Whether nothing is stored because the disk or the index keeps failing. */
    isPassthrough: boolean;
  };
  /** Fills, and the requests that read from the fill of another. */
  flights: { running: number; followers: number };
  /** Tags that could be pulled whole if every upstream vanished, as of the last count; null before the first. */
  offline: { readyTags: number; incompleteTags: number; countedAt: string | null };
  /** Where clients pull, as `host:port` or `unix:/path`. */
  listen: { pull: readonly string[] };
  upstreams: { name: string; requests: number; fetchedBytes: number }[];
}
