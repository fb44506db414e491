import type { Stats } from "../admin/index.ts";
import { formatBytes, formatElapsed, formatPart, formatTable } from "./table.ts";

/** The statistics as tables for people. */
export function formatStats(stats: Stats): string {
  return [
    `entrepot ${stats.version}, up ${formatElapsed(stats.uptimeSeconds)}\n`,
    formatTable(requestRows(stats)),
    formatTable(byteRows(stats)),
    formatTable(storeRows(stats)),
    formatTable([
      ["upstream", "requests", "fetched"],
      ...stats.upstreams.map(({ name, requests, fetchedBytes }) => [name, String(requests), formatBytes(fetchedBytes)]),
    ]),
  ].join("\n");
}

function requestRows({ requests }: Stats): string[][] {
  const outcomes = Object.entries(requests.byOutcome).filter(([, count]) => count > 0);
  return [
    ["requests", String(requests.total)],
    ...outcomes.map(([outcome, count]) => [`  ${outcome}`, String(count), formatPart(count, requests.total)]),
  ];
}

function byteRows({ servedBytes, fetchedBytes, savedBytes }: Stats): string[][] {
  return [
    ["served to clients", formatBytes(servedBytes)],
    ["  without upstream", formatBytes(savedBytes), formatPart(savedBytes, servedBytes)],
    ["fetched", formatBytes(fetchedBytes)],
  ];
}

function storeRows({ store, flights }: Stats): string[][] {
  return [
    ["store", formatBytes(store.bytes), formatPart(store.bytes, store.maxBytes)],
    ["  budget", formatBytes(store.maxBytes)],
    ["  free on disk", formatBytes(store.freeBytes)],
    ["  blobs", String(store.blobs)],
    ["  manifests", String(store.manifests)],
    ["  tags", String(store.tags)],
    ["  repositories", String(store.repositories)],
    ["fills running", String(flights.running)],
  ];
}
