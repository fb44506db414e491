import type { CacheObserver, Clock } from "./cache/index.ts";
import type { EvictionObserver } from "./eviction/index.ts";
import type { MetadataObserver } from "./metadata/index.ts";
import type { Logger, Metrics } from "./telemetry/index.ts";
import type { UpkeepObserver } from "./upkeep/index.ts";
import type { UpstreamObserver } from "./upstream/index.ts";

const warnEveryMs = 60 * 1000;
/** Reasons name repositories: more of them than this are not told apart. */
const maxReasons = 100;

/** Where counts and log lines are made of what the rooms notice. */
export interface ObserverPorts {
  metrics: Metrics;
  logger: Logger;
  clock: Clock;
}

export function observeCache({ metrics, logger, clock }: ObserverPorts): CacheObserver {
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
  { metrics, logger }: ObserverPorts,
  forget: EvictionObserver["doomed"],
): EvictionObserver {
  return {
    evicted(reason, units, bytes) {
      metrics.evicted(reason === "min-free" ? "min_free" : reason, units, bytes);
      logger.info({ reason, units, bytes }, "evicted");
    },
    doomed: forget,
    failed: (error) => logger.warn({ err: error }, "something that was to leave the store could not be removed yet"),
  };
}

export function observeIndex({ metrics }: ObserverPorts): MetadataObserver {
  return {
    writeBegun: () => metrics.indexWriteBegun(),
    writeEnded: (seconds) => metrics.indexWriteEnded(seconds),
  };
}

export function observeUpkeep({ metrics, logger }: ObserverPorts): UpkeepObserver {
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
    corrupt(digest) {
      metrics.corruptFound();
      logger.error({ digest }, "a stored file does not have its digest any more");
    },
    failed: (error) => logger.warn({ err: error }, "upkeep could not look after a file"),
  };
}

export function observeUpstream(name: string, { metrics, logger, clock }: ObserverPorts): UpstreamObserver {
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
      if (isLow)
        logger.warn(about, "an upstream allows few more pulls; tags that have moved keep their earlier version");
      else logger.info(about, "an upstream allows pulls again; tags that have moved are fetched");
    },
  };
}
