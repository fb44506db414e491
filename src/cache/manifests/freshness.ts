import type { TagRow } from "../../metadata/index.ts";
import type { Digest } from "../../oci/index.ts";
import { UpstreamError } from "../../upstream/index.ts";

/** How long a tag is believed, and what happens when the upstream cannot or will not confirm it. All times in ms. */
export interface TagPolicy {
  freshForMs: number;
  staleForMs: number;
  staleAfterMs: number;
  absentForMs: number;
  onGone: "drop" | "keep";
  goneGraceMs: number;
  onDenied: "refuse" | "keep";
  /** How long a tag must have named another digest before that is believed; 0: at once. */
  cooldownMs: number;
  /** `audit`: what would be held back is only told of. */
  cooldownMode: "enforce" | "audit";
}

/** Why something is served that the upstream has not just confirmed; goes into Cache-Status as `detail=…`, after `stale-` where the upstream failed. */
export type StaleReason =
  | "upstream-unreachable"
  | "upstream-timeout"
  | "upstream-error"
  | "upstream-rate-limited"
  | "upstream-denied"
  | "upstream-slow"
  | "offline"
  | "upstream-gone"
  /** A parent cache says so, and no reason that is known here. */
  | "stale-at-parent"
  | HoldReason;

const staleReasons: Record<StaleReason, true> = {
  "upstream-unreachable": true,
  "upstream-timeout": true,
  "upstream-error": true,
  "upstream-rate-limited": true,
  "upstream-denied": true,
  "upstream-slow": true,
  offline: true,
  "upstream-gone": true,
  "stale-at-parent": true,
  cooldown: true,
  "quota-kept-back": true,
};

export function isStaleReason(text: string): text is StaleReason {
  return Object.hasOwn(staleReasons, text);
}

/** Why a tag that has moved upstream is answered with the digest that it had before. */
export type HoldReason = "cooldown" | "quota-kept-back";

/** Whether a stored answer may be reused without asking (RFC 9111 section 4.2). One dated in the future is expired. */
export function isFresh(checkedAt: number, policy: TagPolicy, now: number): boolean {
  return checkedAt <= now && now < checkedAt + policy.freshForMs;
}

/** Whether a stored answer may still be served when the upstream fails (RFC 9111 section 4.2.4, RFC 5861 section 4). */
export function mayServeStale(checkedAt: number, policy: TagPolicy, now: number): boolean {
  return now < staleUntil(checkedAt, policy);
}

/** Until when a tag that nobody confirms any more is served: it is too old then, or believed to be gone. */
export function servedUntil(row: Pick<TagRow, "checkedAt" | "goneSince">, policy: TagPolicy): number {
  const until = staleUntil(row.checkedAt, policy);
  if (policy.onGone === "keep" || row.goneSince === undefined) return until;
  return Math.min(until, row.goneSince + policy.goneGraceMs);
}

function staleUntil(checkedAt: number, policy: TagPolicy): number {
  return checkedAt + policy.freshForMs + policy.staleForMs;
}

/** Whether the origin has said 404 for long enough to be believed. */
export function isGone(row: TagRow, policy: TagPolicy, now: number): boolean {
  return policy.onGone === "drop" && row.goneSince !== undefined && now >= row.goneSince + policy.goneGraceMs;
}

/**
 * Whether it is too early to believe that the tag names `digest` now. What counts is when that was first seen here, never
 * a date in the image; a tag without an earlier digest has nothing to be held at.
 */
export function isCooling(row: TagRow | undefined, digest: Digest, policy: TagPolicy, now: number): boolean {
  if (policy.cooldownMode === "audit" || row?.manifest === undefined || row.manifest === digest) return false;
  return now < movedAt(row, digest, now) + policy.cooldownMs;
}

/** When the upstream was first seen to name `digest` for the tag, which has another one here. */
export function movedAt(row: TagRow, digest: Digest, now: number): number {
  return row.pending?.digest === digest ? (row.pendingSince ?? now) : now;
}

/** Seconds since the upstream confirmed it, never negative (RFC 9111 section 5.1). */
export function ageSeconds(checkedAt: number, now: number): number {
  return Math.max(0, Math.floor((now - checkedAt) / 1000));
}

/** Seconds until it expires, negative once it has (RFC 9211 section 2.5). */
export function ttlSeconds(checkedAt: number, policy: TagPolicy, now: number): number {
  return checkedAt > now ? 0 : Math.floor((checkedAt + policy.freshForMs - now) / 1000);
}

/** The stale rules of ARCHITECTURE section 6; undefined where the failure must be passed on. */
export function staleReason(error: unknown, policy: TagPolicy): StaleReason | undefined {
  if (!(error instanceof UpstreamError)) return undefined;
  switch (error.kind) {
    case "unreachable":
      return "upstream-unreachable";
    case "timeout":
      return "upstream-timeout";
    case "rate-limited":
      return "upstream-rate-limited";
    case "unauthorized":
    case "denied":
      return error.isRefusal && policy.onDenied === "refuse" ? undefined : "upstream-denied";
    case "offline":
      return "offline";
    case "not-found":
    case "bad-response":
      return "upstream-error";
  }
}
