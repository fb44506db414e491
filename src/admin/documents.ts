import type { EvictionReport, Explanation, PlannedVictim } from "../eviction/index.ts";
import type { Refreshed } from "../cache/index.ts";
import type { PinRow, TagPeriod } from "../metadata/index.ts";
import type { Digest, ImageName } from "../oci/index.ts";
import { formatImageName } from "../oci/index.ts";
import { formatTime, type Time } from "./documents/time.ts";
import type { Job, JobItem } from "./jobs.ts";
import { refreshWords } from "./refresh-words.ts";
import type { TagHistory } from "./operations.ts";

/** A list, whole where `nextCursor` is null. */
export interface ListDocument<T> {
  items: T[];
  nextCursor: string | null;
}

/** The body of `GET /api/v1/explain`. Null stands for what is not known or does not apply. */
export interface ExplanationDocument {
  /** What was asked for, in its canonical form. */
  subject: string;
  digest: Digest;
  kind: Explanation["kind"];
  state: Explanation["state"];
  size: number | null;
  tags: Explanation["tags"];
  neededBy: { digest: Digest; kind: "image" | "index"; platform: string | null; images: string[] }[];
  platforms: { digest: Digest; platform: string | null; isHere: boolean }[];
  pins: string[];
  leasedUntil: Time | null;
  firstFetchedAt: Time | null;
  lastPulledAt: Time | null;
  lastVerifiedAt: Time | null;
  queue: { rank: number } | null;
  uniqueBytes: number;
  sharedBytes: number;
  departures: { image: string | null; reason: string; bytes: number; at: Time }[];
}

/** The body of `GET /api/v1/eviction/plan` and of `POST /api/v1/evict`. */
export interface EvictionDocument extends Omit<EvictionReport, "victims"> {
  victims: (Omit<PlannedVictim, "lastPulledAt"> & { lastPulledAt: Time })[];
}

/** `platforms` null means all. */
export interface PinDocument {
  image: string;
  origin: PinRow["origin"];
  platforms: readonly string[] | null;
}

/** `lastSeen` is when the upstream last confirmed it. */
export interface TagHistoryItem {
  digest: Digest;
  firstSeen: Time;
  lastSeen: Time;
  isCurrent: boolean;
}

/** The body of `GET /api/v1/tag-history`, newest first. */
export interface TagHistoryDocument extends ListDocument<TagHistoryItem> {
  image: string;
  held: Digest | null;
}

/** The body of `GET /api/v1/jobs/{id}`. */
export interface JobDocument extends Omit<Job, "startedAt" | "endedAt" | "error" | "items"> {
  startedAt: Time;
  endedAt: Time | null;
  error: string | null;
  /** Of a job that warms images, one for each. */
  items?: (Omit<JobItem, "error"> & { error: string | null })[];
}

/** The body of `POST /api/v1/refresh`. Null: nothing, or nothing to be said. */
export interface RefreshDocument {
  image: string;
  before: Digest | null;
  after: Digest | null;
  outcome: Refreshed["outcome"];
  detail: string | null;
}

export function explanationDocument(subject: ImageName | Digest, explanation: Explanation): ExplanationDocument {
  const { neededBy, platforms, departures } = explanation;
  return {
    ...explanation,
    subject: typeof subject === "string" ? subject : formatImageName(subject),
    size: explanation.size ?? null,
    neededBy: neededBy.map(({ platform, ...needed }) => ({ ...needed, platform: platform ?? null })),
    platforms: platforms.map(({ platform, ...named }) => ({ ...named, platform: platform ?? null })),
    leasedUntil: formatTime(explanation.leasedUntil),
    firstFetchedAt: formatTime(explanation.firstFetchedAt),
    lastPulledAt: formatTime(explanation.lastPulledAt),
    lastVerifiedAt: formatTime(explanation.lastVerifiedAt),
    queue: explanation.queue ?? null,
    departures: departures.map(({ image, at, ...left }) => ({ ...left, image: image ?? null, at: formatTime(at) })),
  };
}

export function evictionDocument({ victims, ...report }: EvictionReport): EvictionDocument {
  return {
    ...report,
    victims: victims.map((victim) => ({ ...victim, lastPulledAt: formatTime(victim.lastPulledAt) })),
  };
}

export function pinDocument({ image, origin, platforms }: PinRow): PinDocument {
  return { image, origin, platforms: platforms ?? null };
}

export function tagHistoryDocument(image: ImageName, { held, periods }: TagHistory): TagHistoryDocument {
  return { image: formatImageName(image), held: held ?? null, items: periods.map(tagHistoryItem), nextCursor: null };
}

export function tagHistoryItem({ digest, firstSeen, lastSeen, isCurrent }: TagPeriod): TagHistoryItem {
  return { digest, firstSeen: formatTime(firstSeen), lastSeen: formatTime(lastSeen), isCurrent };
}

export function refreshDocument(image: ImageName, { before, after, outcome, why }: Refreshed): RefreshDocument {
  const detail = why === undefined ? null : refreshWords[why];
  return { image: formatImageName(image), before: before ?? null, after: after ?? null, outcome, detail };
}

export function jobDocument({ items, ...job }: Job): JobDocument {
  return {
    ...job,
    ...(items && { items: items.map(({ error, ...item }) => ({ ...item, error: error ?? null })) }),
    startedAt: formatTime(job.startedAt),
    endedAt: formatTime(job.endedAt),
    result: job.result ?? null,
    error: job.error ?? null,
  };
}
