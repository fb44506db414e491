import type { ExplanationDocument } from "../admin/index.ts";
import { formatBytes, formatTable, formatTime } from "./table.ts";

const states: Record<ExplanationDocument["state"], string> = {
  present: "is here",
  known: "is named, but not here",
  doomed: "is about to leave",
  absent: "is not here",
};

/** An explanation for people: facts, then what it belongs to, then when it left before. */
export function formatExplanation(explanation: ExplanationDocument): string {
  const { subject, digest, size, state, kind } = explanation;
  const name = kind === "unknown" ? "" : `${kind}, `;
  return [
    `${subject}${subject === digest ? "" : `\n${digest}`}\n${name}${states[state]}${size === null ? "" : `, ${formatBytes(size)}`}\n`,
    section(factRows(explanation), [0, 1]),
    section(tagRows(explanation), [0, 1]),
    section(neededByRows(explanation), [0, 1, 2, 3]),
    section(platformRows(explanation), [0, 1, 2]),
    section(departureRows(explanation), [0, 1, 3]),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function section(rows: readonly (readonly string[])[], textColumns: readonly number[]): string {
  return rows.length === 0 ? "" : formatTable(rows, textColumns);
}

function factRows(explanation: ExplanationDocument): string[][] {
  const { pins, leasedUntil, queue, uniqueBytes, sharedBytes } = explanation;
  const facts: [string, string | undefined][] = [
    ["pinned by", pins.length === 0 ? undefined : pins.join(", ")],
    ["leased until", timeOf(leasedUntil)],
    ["to be evicted", queue ? (queue.rank === 1 ? "next" : `as number ${queue.rank}`) : undefined],
    ["only it needs", uniqueBytes > 0 ? formatBytes(uniqueBytes) : undefined],
    ["others need too", sharedBytes > 0 ? formatBytes(sharedBytes) : undefined],
    ["fetched", timeOf(explanation.firstFetchedAt)],
    ["last pulled", timeOf(explanation.lastPulledAt)],
    ["last verified", timeOf(explanation.lastVerifiedAt)],
  ];
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value]]));
}

function tagRows({ tags }: ExplanationDocument): string[][] {
  return headed(
    ["tag", "names it"],
    tags.map(({ image, relation }) => [image, relation === "current" ? "now" : relation]),
  );
}

function neededByRows({ neededBy }: ExplanationDocument): string[][] {
  return headed(
    ["needed by", "kind", "platform", "images"],
    neededBy.map(({ digest, kind, platform, images }) => [digest, kind, platform ?? "-", images.join(", ")]),
  );
}

function platformRows({ platforms }: ExplanationDocument): string[][] {
  return headed(
    ["platform", "digest", "here"],
    platforms.map(({ platform, digest, isHere }) => [platform ?? "-", digest, isHere ? "yes" : "no"]),
  );
}

function departureRows({ departures }: ExplanationDocument): string[][] {
  return headed(
    ["left", "reason", "freed", "as"],
    departures.map(({ at, reason, bytes, image }) => [formatTime(at), reason, formatBytes(bytes), image ?? "-"]),
  );
}

function headed(head: string[], rows: string[][]): string[][] {
  return rows.length === 0 ? [] : [head, ...rows];
}

function timeOf(time: string | null): string | undefined {
  return time === null ? undefined : formatTime(time);
}
