import type { TagRow } from "../../metadata/index.ts";
import type { ParentSaid } from "../../upstream/index.ts";
import type { Age, ManifestAnswer } from "../answers.ts";
import { ageSeconds, isStaleReason, ttlSeconds, type StaleReason, type TagPolicy } from "./freshness.ts";

/** Since when, and by whose word, the upstream is known to say something. */
export interface Word {
  isFromOrigin: boolean;
  /** When the registry said so, in ms since the epoch: earlier than now where a parent cache has it since then. */
  checkedAt: number;
  /** Why it is not the registry's latest as far as the parent knows. */
  staleBecause: StaleReason | undefined;
  /** Members of Cache-Status of the caches that it came through. */
  hops: string | undefined;
}

/** What an upstream's answer is worth now. What a parent serves stale is taken for expired, however long it would be fresh here. */
export function wordOf(
  { isFromOrigin, parent }: { isFromOrigin: boolean; parent?: ParentSaid | undefined },
  policy: TagPolicy,
  now: number,
): Word {
  if (!parent) return { isFromOrigin, checkedAt: now, staleBecause: undefined, hops: undefined };
  const staleBecause = reasonOf(parent.staleBecause);
  const confirmedAt = now - parent.ageSeconds * 1000;
  const checkedAt = staleBecause ? Math.min(confirmedAt, now - policy.freshForMs) : confirmedAt;
  return { isFromOrigin, checkedAt, staleBecause, hops: parent.hops };
}

/** A fresh row, taken for what a check would have said. */
export function believedWord({ checkedAt }: TagRow): Word {
  return { isFromOrigin: true, checkedAt, staleBecause: undefined, hops: undefined };
}

/** Whether we know better: what the tag names here was confirmed by the registry after that. */
export function isOvertaken(word: Word, row: TagRow | undefined, now: number): row is TagRow {
  return row?.manifest !== undefined && word.checkedAt < row.checkedAt && row.checkedAt <= now;
}

/** The word of a parent that confirms what we have, which we may know since later. */
export function laterOf(word: Word, row: TagRow, now: number): Word {
  return row.checkedAt <= now && row.checkedAt > word.checkedAt ? { ...word, checkedAt: row.checkedAt } : word;
}

export function ageOf(checkedAt: number, policy: TagPolicy, now: number): Age {
  return { ageSeconds: ageSeconds(checkedAt, now), ttlSeconds: ttlSeconds(checkedAt, policy, now) };
}

/** What an answer tells of the word that it rests on. */
export type Extra = Pick<ManifestAnswer, "age" | "flag" | "hops">;

export function extraOf(word: Word, policy: TagPolicy, now: number): Extra {
  const flag = word.staleBecause ?? (word.isFromOrigin ? undefined : "from-mirror");
  return { age: ageOf(word.checkedAt, policy, now), flag, hops: word.hops };
}

function reasonOf(text: string | undefined): StaleReason | undefined {
  if (text === undefined) return undefined;
  return isStaleReason(text) ? text : "stale-at-parent";
}
