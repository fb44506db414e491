import type { Registry } from "prom-client";
import { createCounter, createGauge } from "./series.ts";

/** What is known of the quota of one upstream at this moment; undefined where it has not said. */
export interface QuotaReading {
  upstream: string;
  limit: number | undefined;
  remaining: number | undefined;
  /** Milliseconds since the epoch. */
  resetAt: number | undefined;
}

/** The quotas are read when they are asked for. What is not known has no series: a 0 would say that nothing is left. */
export interface QuotaMetrics {
  observeQuotas(read: () => readonly QuotaReading[]): void;
  /** The origin has answered a GET of a manifest. */
  manifestPulled(upstream: string): void;
}

export function createQuotaMetrics(
  registry: Registry,
  upstreams: readonly string[],
): QuotaMetrics & { refreshQuotas: () => void } {
  const gauge = (name: string, help: string) => createGauge(registry, { name, help, labels: { upstream: [] } });
  const limit = gauge(
    "upstream_quota_limit",
    "Pulls that the upstream allows in a window; no series where it announces no limit.",
  );
  const remaining = gauge(
    "upstream_quota_remaining",
    "Pulls that are left in the window; no series where no limit is announced, or the window has passed since.",
  );
  const reset = gauge(
    "upstream_quota_reset_timestamp_seconds",
    "When the window has passed at the latest; no series where that is not known.",
  );
  const pulls = createCounter(registry, {
    name: "upstream_manifest_pulls_total",
    help: "GETs of manifests that the origin has answered: what Docker Hub counts as pulls.",
    labels: { upstream: upstreams },
  });
  let readQuotas = (): readonly QuotaReading[] => [];
  return {
    observeQuotas: (read) => void (readQuotas = read),
    manifestPulled: (upstream) => pulls.inc({ upstream }),
    refreshQuotas() {
      for (const series of [limit, remaining, reset]) series.reset();
      for (const quota of readQuotas()) {
        const { upstream, resetAt } = quota;
        if (quota.limit !== undefined) limit.set({ upstream }, quota.limit);
        if (quota.remaining !== undefined) remaining.set({ upstream }, quota.remaining);
        if (resetAt !== undefined) reset.set({ upstream }, resetAt / 1000);
      }
    },
  };
}
