import type { Outcome } from "../telemetry/index.ts";

/** The body of `GET /api/v1/stats`. Counts are since the start, sizes in bytes, times in RFC 3339. */
export interface Stats {
  version: string;
  startedAt: string;
  uptimeSeconds: number;
  requests: { total: number; byOutcome: Record<Outcome, number> };
  servedBytes: number;
  fetchedBytes: number;
  savedBytes: number;
  store: {
    bytes: number;
    maxBytes: number;
    /** Available on the file system of the store. */
    freeBytes: number;
    blobs: number;
    manifests: number;
    tags: number;
    repositories: number;
  };
  flights: { running: number };
  /** Where clients pull, as `host:port` or `unix:/path`. */
  listen: { pull: readonly string[] };
  upstreams: { name: string; requests: number; fetchedBytes: number }[];
}
