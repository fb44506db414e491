import { collectDefaultMetrics, Registry } from "prom-client";
import { createEventMetrics, type EventMetrics } from "./event-metrics.ts";
import { createIndexMetrics, type IndexMetrics } from "./index-metrics.ts";
import { createQuotaMetrics, type QuotaMetrics } from "./quota-metrics.ts";
import { createRequestMetrics, type RequestMetrics, type RequestTotals } from "./request-metrics.ts";
import { createStoreMetrics, type StoreMetrics } from "./store-metrics.ts";
import {
  createUpstreamMetrics,
  type EndpointHosts,
  type UpstreamMetrics,
  type UpstreamTotals,
} from "./upstream-metrics.ts";

/** The counters since the start, for the statistics of the admin API. */
export interface MetricsSnapshot extends Omit<RequestTotals, "savedBytesByUpstream"> {
  fetchedBytes: number;
  upstreams: (UpstreamTotals & { savedBytes: number })[];
}

/** Everything that is counted. Each room is given the part of it that it feeds. */
export interface Metrics
  extends RequestMetrics, UpstreamMetrics, QuotaMetrics, StoreMetrics, IndexMetrics, EventMetrics {
  /** The text format of Prometheus. */
  render(): Promise<{ contentType: string; body: string }>;
  snapshot(): Promise<MetricsSnapshot>;
}

export interface MetricsOptions {
  /** Names of the configured upstreams: the closed list of that label. */
  upstreams: readonly string[];
  /** The hosts of their endpoints, with ports; by default none is known. */
  endpoints?: EndpointHosts;
  /** Milliseconds since the epoch; `Date.now` by default. */
  now?: () => number;
}

/** The metrics in a registry of their own, with those of the process and of Node beside them. */
export function createMetrics({ upstreams, endpoints, now = Date.now }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { totals: requestTotals, ...requests } = createRequestMetrics({ registry, upstreams, now });
  const { totals: upstreamTotals, ...towardsUpstreams } = createUpstreamMetrics(
    registry,
    new Map(upstreams.map((name) => [name, endpoints?.get(name) ?? []])),
  );
  const { refreshQuotas, ...quotas } = createQuotaMetrics(registry, upstreams);
  const { refresh, ...store } = createStoreMetrics(registry);
  return {
    ...requests,
    ...towardsUpstreams,
    ...quotas,
    ...store,
    ...createIndexMetrics(registry),
    ...createEventMetrics(registry),
    async render() {
      await refresh();
      refreshQuotas();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
    async snapshot() {
      const [totals, { savedBytesByUpstream, ...requestsInAll }] = [await upstreamTotals(), await requestTotals()];
      return {
        ...requestsInAll,
        fetchedBytes: totals.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0),
        upstreams: totals.map((total) => ({ ...total, savedBytes: savedBytesByUpstream.get(total.name) ?? 0 })),
      };
    },
  };
}
