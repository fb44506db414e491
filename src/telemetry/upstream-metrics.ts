import type { Counter, Gauge, Registry } from "prom-client";
import { requestKinds, statusClass, statusClasses, type RequestKind } from "./labels.ts";
import { createCounter, createGauge, createHistogram, sumOf } from "./series.ts";

export interface UpstreamTotals {
  name: string;
  requests: number;
  fetchedBytes: number;
  /** Requests that got no answer, or one of 5xx. */
  failures: number;
}

/** What happens towards the upstreams. Names that were not configured are not counted: the list of labels is closed. */
export interface UpstreamMetrics {
  /** One HTTP request got an answer, or none (`status` undefined), after `seconds` until its header. */
  upstreamRequest(upstream: string, kind: RequestKind, status: number | undefined, seconds: number): void;
  bytesFetched(upstream: string, bytes: number): void;
  upstreamRetried(upstream: string): void;
  /** A body was continued by Range after an interruption. */
  upstreamResumed(upstream: string): void;
  tokenRequested(upstream: string, status: number | undefined): void;
  /** Our own credentials could not be had, or were refused. */
  credentialsFailed(upstream: string): void;
  /** Bytes had another digest than the one asked for. */
  verifyFailed(upstream: string): void;
  /** A breaker has opened or closed: that of an endpoint's `host`, or of another host that this upstream leads to. */
  breakerChanged(upstream: string, host: string, isOpen: boolean): void;
}

/** The configured upstreams and the hosts of their endpoints: the closed lists of these labels. */
export type EndpointHosts = ReadonlyMap<string, readonly string[]>;

/** The `endpoint` of hosts that no configuration names: token services, and where redirects lead. */
const otherHosts = "other";

export function createUpstreamMetrics(
  registry: Registry,
  endpoints: EndpointHosts,
): UpstreamMetrics & { totals: () => Promise<UpstreamTotals[]> } {
  const upstreams = [...endpoints.keys()];
  const series = createSeries(registry, upstreams);
  const breakers = createBreakers(registry, endpoints);
  const ifKnown = (upstream: string, count: () => void): void => {
    if (upstreams.includes(upstream)) count();
  };
  return {
    upstreamRequest(upstream, kind, status, seconds) {
      ifKnown(upstream, () => {
        series.requests.inc({ upstream, kind, status: statusClass(status) });
        series.duration.observe({ upstream, kind }, seconds);
      });
    },
    bytesFetched: (upstream, bytes) => ifKnown(upstream, () => series.fetchedBytes.inc({ upstream }, bytes)),
    upstreamRetried: (upstream) => ifKnown(upstream, () => series.retries.inc({ upstream })),
    upstreamResumed: (upstream) => ifKnown(upstream, () => series.resumes.inc({ upstream })),
    tokenRequested: (upstream, status) =>
      ifKnown(upstream, () => series.tokens.inc({ upstream, status: statusClass(status) })),
    credentialsFailed: (upstream) => ifKnown(upstream, () => series.credentialFailures.inc({ upstream })),
    verifyFailed: (upstream) => ifKnown(upstream, () => series.verifyFailures.inc({ upstream })),
    breakerChanged(upstream, host, isOpen) {
      const hosts = endpoints.get(upstream);
      if (!hosts) return;
      if (hosts.includes(host)) breakers.set({ upstream, endpoint: host }, isOpen ? 1 : 0);
      else breakers.inc({ upstream, endpoint: otherHosts }, isOpen ? 1 : -1);
    },
    totals: () =>
      Promise.all(
        upstreams.map(async (name) => ({
          name,
          requests: await sumOf(series.requests, "upstream", name),
          fetchedBytes: await sumOf(series.fetchedBytes, "upstream", name),
          failures: await failuresOf(series.requests, name),
        })),
      ),
  };
}

async function failuresOf(requests: Counter<"upstream" | "kind" | "status">, upstream: string): Promise<number> {
  const { values } = await requests.get();
  return values
    .filter(({ labels }) => labels.upstream === upstream && (labels.status === "none" || labels.status === "5xx"))
    .reduce((sum, { value }) => sum + value, 0);
}

function createBreakers(registry: Registry, endpoints: EndpointHosts): Gauge<"upstream" | "endpoint"> {
  const gauge = createGauge(registry, {
    name: "upstream_breaker_open",
    help: "1 while the host of an endpoint is not asked because it keeps failing; `other`: how many further hosts are not.",
    labels: { upstream: [], endpoint: [] },
  });
  for (const [upstream, hosts] of endpoints) {
    for (const endpoint of [...hosts, otherHosts]) gauge.set({ upstream, endpoint }, 0);
  }
  return gauge;
}

function createSeries(registry: Registry, upstreams: readonly string[]) {
  const labels = { upstream: upstreams };
  return {
    requests: createCounter(registry, {
      name: "upstream_requests_total",
      help: "Requests to upstreams, redirects and retries counted one by one.",
      labels: { ...labels, kind: requestKinds, status: statusClasses },
    }),
    duration: createHistogram(registry, {
      name: "upstream_request_duration_seconds",
      help: "From a request to an upstream to the header of its response.",
      labels: { ...labels, kind: requestKinds },
    }),
    fetchedBytes: createCounter(registry, {
      name: "fetched_bytes_total",
      help: "Bytes of bodies received from upstreams.",
      labels,
    }),
    retries: createCounter(registry, {
      name: "upstream_retries_total",
      help: "Requests to upstreams that were made again after a failure.",
      labels,
    }),
    resumes: createCounter(registry, {
      name: "upstream_resumes_total",
      help: "Bodies from upstreams that were continued by Range after an interruption.",
      labels,
    }),
    tokens: createCounter(registry, {
      name: "upstream_tokens_total",
      help: "Requests for a token, by the answer of the token service.",
      labels: { ...labels, status: statusClasses },
    }),
    credentialFailures: createCounter(registry, {
      name: "upstream_credential_failures_total",
      help: "Configured credentials that could not be had, or that an upstream refused.",
      labels,
    }),
    verifyFailures: createCounter(registry, {
      name: "verify_failures_total",
      help: "Bodies from upstreams whose digest was not the one asked for.",
      labels,
    }),
  };
}
