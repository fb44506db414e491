import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Amount, Settings } from "../../config/index.ts";
import { findingsOf, type Finding } from "../finding.ts";
import { fileSystemOf } from "./file-system.ts";
import { valueOf, type Readings } from "./readings.ts";

const GiB = 1024 ** 3;
const { ok, warning } = findingsOf("budget");

/** What pins hold, as the instance tells it. */
export interface Pinned {
  /** Each image counts whole, so that what they share counts twice. */
  bytes: number;
  images: number;
}

/** Whether the disk can give what the configuration promises. */
export function examineBudget(
  { storage, dataDir }: Settings,
  readings: Readings | undefined,
  pinned: Pinned | undefined,
): Finding[] {
  const { availableBytes, totalBytes } = fileSystemOf(nearest(resolve(dataDir)));
  const storedBytes = readings && valueOf(readings, "store_bytes");
  const minFreeBytes = bytesOf(storage.minFree, totalBytes);
  const possibleBytes = availableBytes + (storedBytes ?? 0);
  const maxBytes =
    (readings && valueOf(readings, "store_max_bytes")) ?? maxOf(storage.maxSize, possibleBytes, totalBytes);
  return [
    sizeFinding(maxBytes, storage.maxSize && Math.max(0, possibleBytes - minFreeBytes), storedBytes),
    freeFinding(availableBytes, minFreeBytes),
    ...(pinned ? pinFindings(pinned, maxBytes) : []),
  ];
}

/** @param roomBytes undefined where nobody has asked for that size */
function sizeFinding(maxBytes: number, roomBytes: number | undefined, storedBytes: number | undefined): Finding {
  const stored = storedBytes === undefined ? "" : `, of which ${format(storedBytes)} are used`;
  if (roomBytes === undefined || maxBytes <= roomBytes) return ok("size", `${format(maxBytes)}${stored}`);
  const says = `${format(maxBytes)}${stored}, but the disk has room for ${format(roomBytes)}: storage.minFree rules`;
  return warning("size", says, "make storage.maxSize smaller, or room on the disk");
}

function freeFinding(availableBytes: number, minFreeBytes: number): Finding {
  const says = `${format(availableBytes)} are free, storage.minFree is ${format(minFreeBytes)}`;
  if (availableBytes >= minFreeBytes) return ok("free space", says);
  return warning("free space", `${says}: what is pulled evicts, or passes through uncached`, "make room on the disk");
}

function pinFindings({ bytes, images }: Pinned, maxBytes: number): Finding[] {
  if (images === 0) return [];
  const says = `${images} pinned images take ${format(bytes)} at most`;
  if (bytes < maxBytes / 2) return [ok("pins", says)];
  return [
    warning(
      "pins",
      `${says}, of ${format(maxBytes)}: little is left for the rest`,
      "unpin some, or raise storage.maxSize",
    ),
  ];
}

/** As the budget itself takes it: 80 % of what is free and stored where nothing is said. */
function maxOf(maxSize: Amount | undefined, possibleBytes: number, totalBytes: number): number {
  return maxSize ? bytesOf(maxSize, totalBytes) : Math.floor(0.8 * possibleBytes);
}

function bytesOf(amount: Amount, totalBytes: number): number {
  return amount.kind === "bytes" ? amount.bytes : amount.share * totalBytes;
}

function nearest(directory: string): string {
  return existsSync(directory) ? directory : nearest(dirname(directory));
}

function format(bytes: number): string {
  return `${(bytes / GiB).toFixed(1)} GiB`;
}
