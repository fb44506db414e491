import type { Digest, RepositoryName } from "../../../../src/oci/index.ts";

/** What is asked of a process of its own, most of which measure themselves, and what it answers; one program each. Times in the unit of their name. */
export interface Probes {
  files: {
    ask: { directory: string; blobs: number; seed: number; only?: Digest[] };
    answer: { written: number };
  };
  index: {
    ask: { directory: string; blobs: number; seed: number };
    answer: { releases: number };
  };
  lookups: {
    /** `manifest`: asked for before, as a pull does, and not measured. */
    ask: { directory: string; held: { repository: RepositoryName; digest: Digest; manifest?: Digest }[] };
    answer: { eachUs: number[]; found: number };
  };
  evictions: {
    ask: { directory: string; count: number; leased: Digest[] };
    answer: EvictionCosts;
  };
  serve: {
    ask: { configFile: string } | "pauses" | "stop";
    answer: Listening | Pauses | "stopped";
  };
}

export interface EvictionCosts {
  /** Per eviction: that the main thread was on a processor. */
  ownMs: number[];
  /** Per eviction: that the event loop was busy, or held up by other processes while it was. */
  busyMs: number[];
  wallMs: number[];
  /** The same of many that were evicted together. */
  atOnce: { images: number; ownMs: number };
  images: number;
  doomed: Digest[];
  blobsBefore: number;
  blobsAfter: number;
}

export interface Listening {
  url: string;
  adminUrl: string;
  adminToken: string;
}

/** Of the event loop since they were last asked for. */
export interface Pauses {
  /** The longest delay of a timer of 1 ms, by perf_hooks.monitorEventLoopDelay. */
  longestMs: number;
  /** The longest time between two turns less what other processes had the processor. Waiting for the disk and for other threads is in it. */
  longestOwnMs: number;
  /** The longest time between two turns that the thread was on a processor. */
  longestRunMs: number;
  /** Share of the time that the loop was busy, 0 to 1. */
  busy: number;
}
