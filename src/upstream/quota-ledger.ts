import { headerOf, retryAfterOf, type AnswerHeaders } from "./answer.ts";
import type { Endpoint, Question } from "./endpoint.ts";
import type { Quota } from "./quota.ts";

export interface QuotaLedger {
  note(question: Pick<Question, "kind" | "method">, answer: { status: number; headers: AnswerHeaders }): void;
  read(): Quota;
}

export interface QuotaOptions {
  /** The share of the limit, 0 to 1, below which the quota is low. */
  keepBack: number;
  now: () => number;
  onCounted: () => void;
  /** The quota has become low, or is not any more. */
  onCrossed: (quota: Quota) => void;
}

interface Announced {
  limit: number;
  remaining: number;
  windowSeconds: number | undefined;
  source: string | undefined;
}

interface Window extends Announced {
  from: number;
  until: number;
}

interface Limited {
  from: number;
  until: number;
  /** Whether the origin said until when. */
  isStated: boolean;
}

/** For how long an announcement without a window, or a 429 without Retry-After, is believed. */
const unstatedMs = 60_000;
const longestMs = 86_400_000;
const maxSourceLength = 128;

export function createQuotaLedger({ keepBack, now, onCounted, onCrossed }: QuotaOptions): QuotaLedger {
  let window: Window | undefined;
  let limited: Limited | undefined;
  let countedGets = 0;
  let wasLow = false;

  const read = (): Quota => {
    const at = now();
    const current = isCurrent(window, at) ? window : undefined;
    const limitedUntil = isCurrent(limited, at) ? limited?.until : undefined;
    return {
      limit: window?.limit,
      remaining: current?.remaining,
      windowSeconds: window?.windowSeconds,
      source: window?.source,
      resetAt: current?.windowSeconds === undefined ? undefined : current.until,
      limitedUntil,
      isLow: limitedUntil !== undefined || (current !== undefined && current.remaining < keepBack * current.limit),
      countedGets,
    };
  };

  return {
    read,
    note({ kind, method }, { status, headers }) {
      const at = now();
      const isManifest = kind === "manifest_tag" || kind === "manifest_digest";
      const isPull = isManifest && method === "GET" && status < 300;
      const announced = announcedIn(headers);
      if (announced) window = windowOf(announced, window, at);
      // Other answers say nothing of it, but this one would: whoever is not limited is told nothing.
      else if (isManifest && status === 200) window = undefined;
      if (isManifest && status === 429) limited = limitOf(headers, window, at);
      else if (isPull || (announced && announced.remaining > 0 && limited?.isStated === false)) limited = undefined;
      if (isPull) {
        countedGets += 1;
        onCounted();
      }
      const quota = read();
      if (quota.isLow === wasLow) return;
      wasLow = quota.isLow;
      onCrossed(quota);
    },
  };
}

/** Has the ledger read every answer of the origin itself; what a redirect leads to is another's. */
export function withQuota(endpoint: Endpoint, ledger: QuotaLedger): Endpoint {
  if (!endpoint.isOrigin || endpoint.isParent) return endpoint;
  return {
    ...endpoint,
    async ask(question, signal) {
      const answer = await endpoint.ask(question, signal);
      if (!answer.isElsewhere) ledger.note(question, answer);
      return answer;
    },
  };
}

/** Docker Hub's header fields: `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600` (window in seconds). */
function announcedIn(headers: AnswerHeaders): Announced | undefined {
  const limit = parseQuantity(headerOf(headers, "ratelimit-limit"));
  const remaining = parseQuantity(headerOf(headers, "ratelimit-remaining"));
  if (!limit || !remaining) return undefined;
  return {
    limit: limit.count,
    remaining: remaining.count,
    windowSeconds: remaining.windowSeconds ?? limit.windowSeconds,
    source: headerOf(headers, "docker-ratelimit-source")?.slice(0, maxSourceLength),
  };
}

function parseQuantity(text = ""): { count: number; windowSeconds: number | undefined } | undefined {
  const match = /^\s*(\d{1,12})\s*(?:;\s*w=(\d{1,8}))?\s*(?:[;,]|$)/i.exec(text);
  if (!match) return undefined;
  const [, count, window] = match as unknown as [string, string, string | undefined];
  return { count: Number(count), windowSeconds: window === undefined ? undefined : Number(window) };
}

/** The same window as long as less and less remains of the same limit of the same source; its begin is not announced. */
function windowOf(announced: Announced, before: Window | undefined, at: number): Window {
  const isSame =
    before !== undefined &&
    isCurrent(before, at) &&
    before.limit === announced.limit &&
    before.windowSeconds === announced.windowSeconds &&
    before.source === announced.source &&
    announced.remaining <= before.remaining;
  if (isSame) return { ...announced, from: before.from, until: before.until };
  const lengthMs = announced.windowSeconds === undefined ? unstatedMs : announced.windowSeconds * 1000;
  return { ...announced, from: at, until: at + Math.min(lengthMs, longestMs) };
}

function limitOf(headers: AnswerHeaders, window: Window | undefined, at: number): Limited {
  const retryAfter = retryAfterOf(headers, at);
  if (retryAfter !== undefined) {
    return { from: at, until: at + Math.min(retryAfter * 1000, longestMs), isStated: true };
  }
  return { from: at, until: isCurrent(window, at) && window ? window.until : at + unstatedMs, isStated: false };
}

/** A clock that was set back ends what it was to end. */
function isCurrent(span: { from: number; until: number } | undefined, at: number): boolean {
  return span !== undefined && span.from <= at && at < span.until;
}
