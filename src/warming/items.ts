import { formatImageName, type ImageName } from "../oci/index.ts";

/** How far one image is; sizes in bytes. What is here counts as much as what is fetched. Totals grow while manifests come in. */
export interface WarmItem {
  /** Canonical. */
  image: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  bytes: number;
  totalBytes: number;
  /** Manifests included. */
  blobs: number;
  totalBlobs: number;
  fetchedBytes: number;
  fetchedBlobs: number;
  presentBlobs: number;
  /** Words for people; undefined unless it failed. */
  error: string | undefined;
}

/** The sums over all images. */
export interface WarmProgress {
  bytes: number;
  totalBytes: number;
  blobs: number;
  totalBlobs: number;
}

type Counter = "bytes" | "totalBytes" | "blobs" | "totalBlobs" | "fetchedBytes" | "fetchedBlobs" | "presentBlobs";

/** Counts for one image and for all of them at once. */
export class Tally {
  readonly item: WarmItem;
  readonly #sums: WarmProgress;
  readonly #onProgress: () => void;

  constructor(item: WarmItem, sums: WarmProgress, onProgress: () => void) {
    this.item = item;
    this.#sums = sums;
    this.#onProgress = onProgress;
  }

  add(counts: Partial<Record<Counter, number>>): void {
    for (const [name, count] of Object.entries(counts) as [Counter, number][]) {
      this.item[name] += count;
      if (name in this.#sums) this.#sums[name as keyof WarmProgress] += count;
    }
    this.#onProgress();
  }
}

export function newItem(name: ImageName): WarmItem {
  const counts = {
    bytes: 0,
    totalBytes: 0,
    blobs: 0,
    totalBlobs: 0,
    fetchedBytes: 0,
    fetchedBlobs: 0,
    presentBlobs: 0,
  };
  return { image: formatImageName(name), state: "waiting", ...counts, error: undefined };
}
