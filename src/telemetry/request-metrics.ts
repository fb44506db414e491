import type { Registry } from "prom-client";
import { clientFamilies, type ClientFamily } from "./client-family.ts";
import {
  offloadResults,
  outcomes,
  requestKinds,
  uncachedReasons,
  type OffloadResult,
  type Outcome,
  type RequestKind,
  type UncachedReason,
} from "./labels.ts";
import { createCounter, createGauge, createHistogram, sumOf } from "./series.ts";

/** One answered request of a client. */
export interface FinishedRequest {
  kind: RequestKind;
  outcome: Outcome;
  client: ClientFamily;
  /** From the request's header to the end of the response. */
  durationSeconds: number;
  /** From the request's header to the first byte of the response; undefined where there was none. */
  firstByteSeconds?: number | undefined;
  /** Bytes of the body that were sent. */
  bytes: number;
  /** The configured upstream that it was about; undefined where none was (a ping, an unknown name). */
  upstream?: string | undefined;
}

export interface RequestTotals {
  requests: { total: number; byOutcome: Record<Outcome, number> };
  servedBytes: number;
  savedBytes: number;
  /** `lastAt` in ms since the epoch; undefined for a client that has not come yet. */
  requestsByClient: Record<ClientFamily, { requests: number; lastAt: number | undefined }>;
  savedBytesByUpstream: ReadonlyMap<string, number>;
}

export interface RequestMetrics {
  requestFinished(request: FinishedRequest): void;
  /** A request waited for the flight or the revalidation of another. */
  requestCollapsed(kind: RequestKind): void;
  /** Bytes went to a client without being kept. */
  passedUncached(reason: UncachedReason): void;
  /** A client sent credentials although nothing asked for them. */
  unexpectedCredentials(client: ClientFamily): void;
  /** The nginx in front was given a file to send, or says that it could not open one. */
  offloaded(result: OffloadResult): void;
}

/** Outcomes whose bytes came from no upstream request of their own. */
const savingOutcomes: readonly Outcome[] = ["hit", "stale", "collapsed"];

export interface RequestMetricsOptions {
  registry: Registry;
  upstreams: readonly string[];
  /** Milliseconds since the epoch. */
  now: () => number;
}

export function createRequestMetrics(
  options: RequestMetricsOptions,
): RequestMetrics & { totals: () => Promise<RequestTotals> } {
  const series = createSeries(options);
  return {
    requestFinished({ kind, outcome, client, durationSeconds, firstByteSeconds, bytes, upstream }) {
      series.requests.inc({ kind, outcome, client });
      series.duration.observe({ kind, outcome }, durationSeconds);
      if (firstByteSeconds !== undefined) series.firstByte.observe({ kind, outcome }, firstByteSeconds);
      series.servedBytes.inc({ kind, outcome }, bytes);
      if (upstream !== undefined && options.upstreams.includes(upstream) && savingOutcomes.includes(outcome)) {
        series.savedBytes.inc({ upstream }, bytes);
      }
      series.lastRequest.set({ client }, options.now() / 1000);
    },
    requestCollapsed: (kind) => series.collapsed.inc({ kind }),
    passedUncached: (reason) => series.uncached.inc({ reason }),
    unexpectedCredentials: (client) => series.credentials.inc({ client }),
    offloaded: (result) => series.offloads.inc({ result }),
    async totals() {
      const counted = outcomes.map(
        async (outcome) => [outcome, await sumOf(series.requests, "outcome", outcome)] as const,
      );
      return {
        requests: {
          total: await sumOf(series.requests),
          byOutcome: Object.fromEntries(await Promise.all(counted)) as Record<Outcome, number>,
        },
        servedBytes: await sumOf(series.servedBytes),
        savedBytes: await sumOf(series.savedBytes),
        requestsByClient: await byClient(series),
        savedBytesByUpstream: new Map(
          await Promise.all(
            options.upstreams.map(
              async (upstream) => [upstream, await sumOf(series.savedBytes, "upstream", upstream)] as const,
            ),
          ),
        ),
      };
    },
  };
}

async function byClient({
  requests,
  lastRequest,
}: Pick<ReturnType<typeof createSeries>, "requests" | "lastRequest">): Promise<RequestTotals["requestsByClient"]> {
  const lastAt = new Map(
    (await lastRequest.get()).values.map(({ labels, value }) => [labels.client, Math.round(value * 1000)]),
  );
  const counted = clientFamilies.map(async (client) => {
    const at = lastAt.get(client);
    return [client, { requests: await sumOf(requests, "client", client), lastAt: at === 0 ? undefined : at }] as const;
  });
  return Object.fromEntries(await Promise.all(counted)) as RequestTotals["requestsByClient"];
}

function createSeries({ registry, upstreams }: RequestMetricsOptions) {
  const labels = { kind: requestKinds, outcome: outcomes };
  return {
    requests: createCounter(registry, {
      name: "requests_total",
      help: "Requests of clients, by what was asked for, how it was answered, and who asked.",
      labels: { ...labels, client: clientFamilies },
    }),
    duration: createHistogram(registry, {
      name: "request_duration_seconds",
      help: "From a request's header to the end of its response.",
      labels,
    }),
    firstByte: createHistogram(registry, {
      name: "first_byte_seconds",
      help: "From a request's header to the first byte of its response.",
      labels,
    }),
    servedBytes: createCounter(registry, {
      name: "served_bytes_total",
      help: "Bytes of bodies sent to clients.",
      labels,
    }),
    savedBytes: createCounter(registry, {
      name: "saved_bytes_total",
      help: "Bytes of bodies sent to clients that no upstream had to send for them.",
      labels: { upstream: upstreams },
    }),
    collapsed: createCounter(registry, {
      name: "collapsed_requests_total",
      help: "Requests that waited for the upstream request of another.",
      labels: { kind: requestKinds },
    }),
    uncached: createCounter(registry, {
      name: "uncached_passes_total",
      help: "Bodies passed to a client without being kept, by reason.",
      labels: { reason: uncachedReasons },
    }),
    credentials: createCounter(registry, {
      name: "unexpected_credentials_total",
      help: "Requests with credentials that nothing had asked for.",
      labels: { client: clientFamilies },
    }),
    offloads: createCounter(registry, {
      name: "offloads_total",
      help: "Blobs that the nginx in front was given to send, and those that it could not open.",
      labels: { result: offloadResults },
    }),
    lastRequest: createGauge(registry, {
      name: "last_request_timestamp_seconds",
      help: "When a client of this family last asked for something; 0 for never.",
      labels: { client: clientFamilies },
    }),
  };
}
