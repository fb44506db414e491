import type { EvictionDocument } from "../admin/index.ts";
import { formatBytes, formatTable, formatTime } from "./table.ts";

/** What has gone, or would go, for people. */
export function formatEviction({ freedBytes, keptSharedBytes, victims }: EvictionDocument, dryRun: boolean): string {
  const shared = keptSharedBytes === 0 ? "" : `; ${formatBytes(keptSharedBytes)} stay, as others need them too`;
  const words = `${dryRun ? "would free" : "freed"} ${formatBytes(freedBytes)}${shared}\n`;
  if (victims.length === 0) return words;
  const rows = victims.map((victim) => [nameOf(victim), victim.kind, formatTime(victim.lastPulledAt), bytesOf(victim)]);
  return `${words}\n${formatTable([[dryRun ? "would go" : "gone", "kind", "last pulled", "freed"], ...rows], [0, 1, 2])}`;
}

type Victim = EvictionDocument["victims"][number];

function nameOf({ images: [first, ...others], digest }: Victim): string {
  if (first === undefined) return digest;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

function bytesOf({ bytes }: Victim): string {
  return formatBytes(bytes);
}
