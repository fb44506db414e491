import type { WebhookObserver } from "./admin/index.ts";
import type { CacheObserver, Clock } from "./cache/index.ts";
import type { EvictionObserver, LeftUnit } from "./eviction/index.ts";
import type { MetadataObserver } from "./metadata/index.ts";
import type { Events, Logger, Metrics, NewEvent } from "./telemetry/index.ts";
import type { UpkeepObserver } from "./upkeep/index.ts";
import type { UpstreamObserver } from "./upstream/index.ts";

const warnEveryMs = 60 * 1000;
/** Reasons name repositories: more of them than this are not told apart. */
const maxReasons = 100;
/** More units than this that leave at once are one event. */
const maxUnitsApart = 100;

type EvictedEvent = Extract<NewEvent, { kind: "evicted" }>;

/** Where counts, log lines and events are made of what the rooms notice. */
export interface ObserverPorts {
  metrics: Metrics;
  events: Events;
  logger: Logger;
  clock: Clock;
}

export function observeCache({ metrics, events, logger, clock }: ObserverPorts): CacheObserver {
  const warnedAt = new Map<string, number>();
  return {
    verifyFailed(upstream) {
      metrics.verifyFailed(upstream);
      logger.warn({ upstream }, "an upstream sent bytes with another digest than the one asked for; nothing is kept");
    },
    uncached(reason) {
      metrics.passedUncached(reason === "no-space" ? "no_space" : reason);
      // A part is meant to pass; what could have been kept is worth a line, but not one for each request.
      if (reason === "range" || clock.now() < (warnedAt.get(reason) ?? 0) + warnEveryMs) return;
      warnedAt.set(reason, clock.now());
      logger.warn({ reason }, "content passes through uncached: pulls succeed, nothing of them is kept");
    },
    corrupt(digest) {
      metrics.corruptFound();
      metrics.quarantined();
      events.emit({ kind: "corrupt", digest, where: "serving" });
      logger.error({ digest }, "a stored file does not have its digest any more; it is given up and fetched again");
    },
    tagCooling({ mode, cooldownMs, ...move }) {
      const isHeld = mode === "enforce";
      const words = isHeld
        ? "a tag has moved upstream; until its cooldown has passed the earlier digest is served"
        : "a tag has moved upstream; its cooldown would have held it at the earlier digest";
      logger.warn({ ...move, cooldownSeconds: cooldownMs / 1000, isHeld }, words);
    },
    setAside(isSetAside) {
      if (isSetAside) logger.error("the store keeps failing: nothing is stored until a probe of it succeeds");
      else logger.info("the store can be written again");
    },
  };
}

export function observeEviction(
  { metrics, events, logger }: ObserverPorts,
  forget: EvictionObserver["doomed"],
): EvictionObserver {
  return {
    evicted(reason, units, bytes) {
      metrics.evicted(reason === "min-free" ? "min_free" : reason, units, bytes);
    },
    left(reason, units) {
      for (const { kind, ...unit } of evictedEvents(reason, units)) {
        events.emit({ kind, ...unit });
        logger.info(unit, "evicted");
      }
    },
    doomed: forget,
    failed: (error) => logger.warn({ err: error }, "something that was to leave the store could not be removed yet"),
  };
}

function evictedEvents(reason: EvictedEvent["reason"], units: readonly LeftUnit[]): EvictedEvent[] {
  const kind = "evicted";
  if (units.length <= maxUnitsApart) {
    return units.map(({ digest, image = null, bytes }) => ({ kind, reason, image, digest, bytes, count: 1 }));
  }
  const bytes = units.reduce((sum, unit) => sum + unit.bytes, 0);
  return [{ kind, reason, image: null, digest: null, bytes, count: units.length }];
}

export function observeIndex({ metrics, events, logger }: ObserverPorts): MetadataObserver {
  return {
    writeBegun: () => metrics.indexWriteBegun(),
    writeEnded: (seconds) => metrics.indexWriteEnded(seconds),
    tagMoved({ upstream, name }, { tag, from, to }) {
      const image = `${upstream}/${name}:${tag}`;
      events.emit({ kind: "tag-moved", image, from, to });
      logger.info({ image, from, to }, "a tag names another digest");
    },
  };
}

export function observeWebhooks({ metrics, logger, clock }: Omit<ObserverPorts, "events">): WebhookObserver {
  const untold = new Map<string, { count: number; toldAt: number }>();
  return {
    delivered: () => metrics.webhookDeliveries("delivered", 1),
    failed(hook, { id, kind }, reason) {
      metrics.webhookDeliveries("failed", 1);
      logger.warn({ hook, event: id, kind, reason }, "a webhook has not taken an event; it is not sent again");
    },
    dropped(hook, count, because) {
      metrics.webhookDeliveries("dropped", count);
      const { count: before, toldAt } = untold.get(hook) ?? { count: 0, toldAt: 0 };
      const isTold = because === "stop" || clock.now() >= toldAt + warnEveryMs;
      untold.set(hook, isTold ? { count: 0, toldAt: clock.now() } : { count: before + count, toldAt });
      if (!isTold) return;
      const words = because === "stop" ? "as the server stops" : "as too many were waiting";
      logger.warn({ hook, count: before + count }, `events for a webhook were dropped, ${words}`);
    },
  };
}

export function observeUpkeep({ metrics, events, logger }: ObserverPorts): UpkeepObserver {
  return {
    scrubbed: (bytes) => metrics.scrubbed(bytes),
    adopted(digest) {
      metrics.adopted();
      logger.info({ digest }, "a file without a row in the index was found right");
    },
    quarantined(what) {
      metrics.quarantined();
      logger.warn({ what }, "moved to quarantine/");
    },
    corrupt(digest, where) {
      metrics.corruptFound();
      events.emit({ kind: "corrupt", digest, where });
      logger.error({ digest, where }, "a stored file does not have its digest any more");
    },
    failed: (error) => logger.warn({ err: error }, "upkeep could not look after a file"),
  };
}

export function observeUpstream(name: string, { metrics, events, logger, clock }: ObserverPorts): UpstreamObserver {
  const toldAt = new Map<string, number>();
  return {
    request: (kind, status, seconds) => metrics.upstreamRequest(name, kind, status, seconds),
    retry: () => metrics.upstreamRetried(name),
    resume: () => metrics.upstreamResumed(name),
    token: (status) => metrics.tokenRequested(name, status),
    credentialsBroken(reason) {
      metrics.credentialsFailed(name);
      if (clock.now() < (toldAt.get(reason) ?? 0) + warnEveryMs) return;
      if (toldAt.size >= maxReasons) toldAt.clear();
      toldAt.set(reason, clock.now());
      logger.error({ upstream: name, reason }, "our own credentials for an upstream do not work");
    },
    bytes: (count) => metrics.bytesFetched(name, count),
    breaker(host, isOpen) {
      metrics.breakerChanged(name, host, isOpen);
      const about = { upstream: name, host };
      events.emit({ kind: isOpen ? "upstream-down" : "upstream-up", ...about });
      if (isOpen) logger.warn(about, "a host of an upstream keeps failing; it is left alone for a while");
      else logger.info(about, "a host of an upstream answers again");
    },
    pull: () => metrics.manifestPulled(name),
    quotaCrossed({ isLow, limit, remaining, source, resetAt, limitedUntil }) {
      const time = (ms: number | undefined): string | undefined => (ms === undefined ? ms : new Date(ms).toISOString());
      const about = {
        upstream: name,
        limit,
        remaining,
        source,
        resetAt: time(resetAt),
        limitedUntil: time(limitedUntil),
      };
      if (isLow) {
        const known = { limit: limit ?? null, remaining: remaining ?? null, resetAt: about.resetAt ?? null };
        events.emit({ kind: "quota-low", upstream: name, ...known });
        logger.warn(about, "an upstream allows few more pulls; tags that have moved keep their earlier version");
      } else logger.info(about, "an upstream allows pulls again; tags that have moved are fetched");
    },
  };
}
