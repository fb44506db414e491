import type { ImageDocument, ImagesDocument, MissingDocument } from "../admin/index.ts";
import { formatBytes, formatTable, formatTime } from "./table.ts";

/** What is missing of one image is not told in more lines than these. */
const maxMissing = 5;

/** Images as a table for people. */
export function formatImages({ items }: ImagesDocument): string {
  if (items.length === 0) return "no image fits\n";
  const rows = items.map((image) => [
    image.image,
    formatBytes(image.bytes),
    formatBytes(image.uniqueBytes),
    formatTime(image.lastPulledAt),
    platformsOf(image.platforms.filter(({ isHere }) => isHere).map(({ platform }) => platform)),
    remarksOf(image),
  ]);
  const head = ["image", "size", "its own", "last pulled", "platforms here", "remarks"];
  return formatTable([head, ...rows], [0, 3, 4, 5]);
}

/** Which images could be pulled offline, for which platforms, and what is missing of the others. */
export function formatReadiness({ items }: ImagesDocument): string {
  const rows = items.flatMap(({ image, offlineReady }) => [
    [image, offlineReady.isReady ? "ready" : "incomplete", platformsOf(offlineReady.platforms), offlineReady.why ?? ""],
    ...offlineReady.missing.slice(0, maxMissing).map((missing) => ["", "", "", `  ${lineOf(missing)}`]),
    ...(offlineReady.missing.length > maxMissing ? [["", "", "", "  and more"]] : []),
  ]);
  return items.length === 0 ? "" : formatTable([["image", "offline", "complete for", ""], ...rows], [0, 1, 2, 3]);
}

function lineOf({ what, platform, digest, bytes }: MissingDocument): string {
  const size = bytes === null ? "" : `, ${formatBytes(bytes)}`;
  return `${what}${platform === null ? "" : ` of ${platform}`} ${digest}${size}`;
}

function platformsOf(platforms: readonly (string | null)[]): string {
  return platforms.length === 0 ? "-" : [...new Set(platforms.map((platform) => platform ?? "any"))].join(", ");
}

function remarksOf({ pins, isHeld, isGone, offlineReady }: ImageDocument): string {
  const remarks = [
    pins.length > 0 && "pinned",
    isHeld && "rolled back",
    isGone && "gone upstream",
    !offlineReady.isReady && "incomplete",
  ];
  return remarks.filter((remark) => remark !== false).join(", ");
}
