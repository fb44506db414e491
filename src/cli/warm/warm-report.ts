import type { JobDocument } from "../../admin/index.ts";
import { formatBytes, formatTable } from "../table.ts";

type Item = NonNullable<JobDocument["items"]>[number];

/** What has become of each image, and of all of them. */
export function formatWarming({ items = [] }: JobDocument): string {
  const rows = items.map((item) => [item.image, formatItem(item)]);
  return `${formatTable(rows, [0, 1])}\n${formatSums(items)}\n`;
}

/** `fetched 3 blobs, 4.0 MiB; 1 blob was here`, or why it has failed. */
export function formatItem({ state, error, ...item }: Item): string {
  if (state === "failed") return `failed: ${error ?? "see the log"}`;
  const counts = formatCounts(item.fetchedBlobs, item.fetchedBytes, item.presentBlobs);
  return state === "cancelled" ? `cancelled: ${counts}` : counts;
}

function formatSums(items: readonly Item[]): string {
  const sum = (count: (item: Item) => number): number => items.reduce((total, item) => total + count(item), 0);
  const counts = formatCounts(
    sum(({ fetchedBlobs }) => fetchedBlobs),
    sum(({ fetchedBytes }) => fetchedBytes),
    sum(({ presentBlobs }) => presentBlobs),
  );
  const failed = items.filter(({ state }) => state === "failed").length;
  return failed === 0 ? counts : `${counts}; ${failed} of ${items.length} images failed`;
}

function formatCounts(fetchedBlobs: number, fetchedBytes: number, presentBlobs: number): string {
  const fetched =
    fetchedBlobs === 0 ? "nothing to fetch" : `fetched ${plural(fetchedBlobs)}, ${formatBytes(fetchedBytes)}`;
  return presentBlobs === 0 ? fetched : `${fetched}; ${plural(presentBlobs)} here already`;
}

function plural(blobs: number): string {
  return blobs === 1 ? "1 blob" : `${blobs} blobs`;
}
