import type { Stats, UpstreamDocument } from "../admin/index.ts";
import { formatBytes, formatElapsed, formatPart, formatTable, formatTime } from "./table.ts";

/** The statistics as tables for people. */
export function formatStats(stats: Stats, upstreams: readonly UpstreamDocument[]): string {
  return [
    `entrepot ${stats.version}, up ${formatElapsed(stats.uptimeSeconds)}\n`,
    formatTable(requestRows(stats)),
    formatTable(byteRows(stats)),
    formatTable(storeRows(stats)),
    formatTable(upstreamRows(upstreams), [0, 5, 6]),
  ].join("\n");
}

function upstreamRows(upstreams: readonly UpstreamDocument[]): string[][] {
  const rows = upstreams.map((upstream) => {
    const { name, requests, failures, fetchedBytes, quota } = upstream;
    const left = quota.limit === null ? "-" : `${quota.remaining ?? "?"} of ${quota.limit}`;
    const resets = quota.resetAt === null ? "-" : formatTime(quota.resetAt);
    return [name, String(requests), String(failures), formatBytes(fetchedBytes), left, resets, stateOf(upstream)];
  });
  return [["upstream", "requests", "failures", "fetched", "pulls left", "until", "state"], ...rows];
}

function stateOf({ offline, endpoints, quota }: UpstreamDocument): string {
  if (offline) return "offline";
  const down = endpoints.filter(({ breaker }) => breaker !== "closed").map(({ host }) => host);
  if (down.length > 0) return `down: ${down.join(", ")}`;
  if (quota.limitedUntil !== null) return `limits us until ${formatTime(quota.limitedUntil)}`;
  return quota.isLow ? "few pulls left" : "ok";
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

function storeRows({ store, flights, offline }: Stats): string[][] {
  return [
    ["store", formatBytes(store.bytes), formatPart(store.bytes, store.maxBytes)],
    ["  budget", formatBytes(store.maxBytes)],
    ["  free on disk", formatBytes(store.freeBytes)],
    ["  blobs", String(store.blobs)],
    ["  manifests", String(store.manifests)],
    ["  tags", String(store.tags)],
    ["  repositories", String(store.repositories)],
    ["fills running", String(flights.running)],
    ["ready offline", `${offline.readyTags} tags`],
    ["  incomplete", `${offline.incompleteTags} tags`],
  ];
}
