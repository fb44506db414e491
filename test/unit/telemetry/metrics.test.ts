import { describe, expect, it } from "vitest";
import { createMetrics, type FinishedRequest, type Metrics } from "../../../src/telemetry/index.ts";

const request: FinishedRequest = {
  kind: "blob",
  outcome: "hit",
  client: "containerd",
  durationSeconds: 0.2,
  firstByteSeconds: 0.003,
  bytes: 1000,
  upstream: "docker.io",
};

async function series(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

describe("metrics at the start", () => {
  const metrics = createMetrics({ upstreams: ["docker.io", "quay.io"] });

  it.each([
    ["requests_total", 7 * 8 * 8],
    ["request_duration_seconds_count", 7 * 8],
    ["first_byte_seconds_count", 7 * 8],
    ["served_bytes_total", 7 * 8],
    ["fetched_bytes_total", 2],
    ["saved_bytes_total", 2],
    ["upstream_requests_total", 2 * 7 * 9],
    ["upstream_request_duration_seconds_count", 2 * 7],
    ["upstream_retries_total", 2],
    ["upstream_resumes_total", 2],
    ["upstream_tokens_total", 2 * 9],
    ["upstream_manifest_pulls_total", 2],
    ["flights", 1],
    ["flight_followers", 1],
    ["collapsed_requests_total", 7],
    ["offloads_total", 2],
    ["upstream_credential_failures_total", 2],
    ["verify_failures_total", 2],
    ["uncached_passes_total", 5],
    ["store_bytes", 1],
    ["store_max_bytes", 1],
    ["store_free_bytes", 1],
    ["store_reserved_bytes", 1],
    ["store_blobs", 1],
    ["store_manifests", 1],
    ["store_passthrough", 1],
    ["reconcile_ratio", 1],
    ["leases", 1],
    ["pins", 1],
    ["evictions_total", 5],
    ["evicted_bytes_total", 1],
    ["scrubbed_bytes_total", 1],
    ["corrupt_blobs_total", 1],
    ["quarantined_blobs_total", 1],
    ["adopted_blobs_total", 1],
    ["index_writes_waiting", 1],
    ["index_write_duration_seconds_count", 1],
    ["last_request_timestamp_seconds", 8],
    ["unexpected_credentials_total", 8],
  ])("has every series of entrepot_%s at 0", async (name, count) => {
    const found = [...(await series(metrics))].filter(([key]) => key.split("{")[0] === `entrepot_${name}`);
    expect(found).toHaveLength(count);
    expect(found.every(([, value]) => value === 0)).toBe(true);
  });

  it("has help and a type for each, and those of the process beside them", async () => {
    const { contentType, body } = await metrics.render();
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(body.match(/^# TYPE entrepot_/gm)).toHaveLength(46);
    expect(body.match(/^# HELP entrepot_\w+ [A-Z0-9].+\.$/gm)).toHaveLength(46);
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(body).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });
});

describe("metrics of requests", () => {
  it("count a finished request once in each family", async () => {
    const metrics = createMetrics({ upstreams: ["docker.io"], now: () => 1_700_000_000_500 });
    const before = await series(metrics);
    metrics.requestFinished(request);
    const after = await series(metrics);
    const labels = 'kind="blob",outcome="hit"';
    const grown = [...after].filter(([key, value]) => key.startsWith("entrepot_") && value !== before.get(key));
    expect(grown.filter(([key]) => !key.includes("_bucket"))).toEqual([
      [`entrepot_requests_total{${labels},client="containerd"}`, 1],
      [`entrepot_request_duration_seconds_sum{${labels}}`, 0.2],
      [`entrepot_request_duration_seconds_count{${labels}}`, 1],
      [`entrepot_first_byte_seconds_sum{${labels}}`, 0.003],
      [`entrepot_first_byte_seconds_count{${labels}}`, 1],
      [`entrepot_served_bytes_total{${labels}}`, 1000],
      ['entrepot_saved_bytes_total{upstream="docker.io"}', 1000],
      ['entrepot_last_request_timestamp_seconds{client="containerd"}', 1_700_000_000.5],
    ]);
  });

  it("have buckets from 1 ms to 5 min", async () => {
    const { body } = await createMetrics({ upstreams: [] }).render();
    const bounds = [...body.matchAll(/first_byte_seconds_bucket\{le="([^"]+)",kind="blob",outcome="hit"\}/g)].map(
      (match) => match[1],
    );
    expect(bounds.at(0)).toBe("0.001");
    expect(bounds.at(-2)).toBe("300");
    expect(bounds.at(-1)).toBe("+Inf");
  });

  it("count as saved what came from no upstream request of its own", async () => {
    const metrics = createMetrics({ upstreams: ["docker.io"] });
    for (const outcome of ["hit", "stale", "collapsed", "filled", "uncached"] as const) {
      metrics.requestFinished({ ...request, outcome });
    }
    metrics.requestFinished({ ...request, upstream: undefined });
    metrics.requestFinished({ ...request, upstream: "not.configured" });
    expect(await metrics.snapshot()).toMatchObject({ servedBytes: 7000, savedBytes: 3000 });
  });

  it("count what waited, passed, and was sent unasked", async () => {
    const metrics = createMetrics({ upstreams: [] });
    metrics.requestCollapsed("manifest_tag");
    metrics.passedUncached("no_space");
    metrics.unexpectedCredentials("docker");
    const found = await series(metrics);
    expect(found.get('entrepot_collapsed_requests_total{kind="manifest_tag"}')).toBe(1);
    expect(found.get('entrepot_uncached_passes_total{reason="no_space"}')).toBe(1);
    expect(found.get('entrepot_unexpected_credentials_total{client="docker"}')).toBe(1);
  });
});

describe("metrics of upstreams", () => {
  it.each([
    [200, "2xx"],
    [206, "2xx"],
    [307, "3xx"],
    [401, "401"],
    [403, "403"],
    [404, "404"],
    [416, "4xx"],
    [429, "429"],
    [503, "5xx"],
    [undefined, "none"],
    [0, "none"],
  ])("put status %s into class %s", async (status, statusClass) => {
    const metrics = createMetrics({ upstreams: ["quay.io"] });
    metrics.upstreamRequest("quay.io", "blob", status, 0.1);
    metrics.tokenRequested("quay.io", status);
    const found = await series(metrics);
    expect(found.get(`entrepot_upstream_requests_total{upstream="quay.io",kind="blob",status="${statusClass}"}`)).toBe(
      1,
    );
    expect(found.get(`entrepot_upstream_tokens_total{upstream="quay.io",status="${statusClass}"}`)).toBe(1);
  });

  it("count bytes, retries, resumes and wrong digests for each upstream", async () => {
    const metrics = createMetrics({ upstreams: ["quay.io", "ghcr.io"] });
    metrics.bytesFetched("quay.io", 10);
    metrics.bytesFetched("quay.io", 5);
    metrics.upstreamRetried("quay.io");
    metrics.upstreamResumed("quay.io");
    metrics.verifyFailed("quay.io");
    metrics.credentialsFailed("quay.io");
    const found = await series(metrics);
    expect(found.get('entrepot_fetched_bytes_total{upstream="quay.io"}')).toBe(15);
    expect(found.get('entrepot_fetched_bytes_total{upstream="ghcr.io"}')).toBe(0);
    for (const name of [
      "upstream_retries_total",
      "upstream_resumes_total",
      "upstream_credential_failures_total",
      "verify_failures_total",
    ]) {
      expect(found.get(`entrepot_${name}{upstream="quay.io"}`)).toBe(1);
    }
  });

  it("add no series for a name that is not configured", async () => {
    const metrics = createMetrics({ upstreams: ["quay.io"] });
    metrics.upstreamRequest("evil.example", "blob", 200, 1);
    metrics.bytesFetched("evil.example", 1);
    expect((await metrics.render()).body).not.toContain("evil.example");
  });
});

describe("metrics of the store", () => {
  const reading = {
    bytes: 1,
    maxBytes: 2,
    freeBytes: 3,
    reservedBytes: 4,
    blobs: 5,
    manifests: 6,
    leases: 7,
    pins: 8,
    passthrough: 0 as const,
    reconcileRatio: 1,
  };

  it("are read when they are asked for, once each time", async () => {
    const metrics = createMetrics({ upstreams: [] });
    let reads = 0;
    metrics.observeStore(() => ({ ...reading, blobs: ++reads }));
    metrics.observeFlights(() => Promise.resolve({ flights: 2, followers: 7 }));
    metrics.observeOfflineTags(() => ({ ready: 3, incomplete: 1 }));
    await metrics.render();
    const found = await series(metrics);
    expect(found.get("entrepot_store_blobs")).toBe(2);
    expect(found.get("entrepot_store_max_bytes")).toBe(2);
    expect(found.get("entrepot_flights")).toBe(2);
    expect(found.get("entrepot_flight_followers")).toBe(7);
    expect(found.get("entrepot_offline_ready_tags")).toBe(3);
    expect(found.get("entrepot_offline_incomplete_tags")).toBe(1);
  });

  it("are not a number where the store cannot be read, and the others stay", async () => {
    const metrics = createMetrics({ upstreams: [] });
    metrics.observeStore(() => Promise.reject(new Error("database is closed")));
    metrics.requestFinished(request);
    const found = await series(metrics);
    expect(found.get("entrepot_store_bytes")).toBeNaN();
    expect(found.get('entrepot_requests_total{kind="blob",outcome="hit",client="containerd"}')).toBe(1);
  });
});

describe("the snapshot", () => {
  it("sums the counters for the statistics", async () => {
    const metrics = createMetrics({ upstreams: ["docker.io", "quay.io"], now: () => 1_767_323_045_000 });
    metrics.requestFinished(request);
    metrics.requestFinished({ ...request, outcome: "filled", kind: "manifest_tag" });
    metrics.upstreamRequest("quay.io", "blob", 200, 1);
    metrics.upstreamRequest("quay.io", "manifest_tag", undefined, 1);
    metrics.bytesFetched("quay.io", 700);
    expect(await metrics.snapshot()).toEqual({
      requests: {
        total: 2,
        byOutcome: { hit: 1, stale: 0, filled: 1, collapsed: 0, uncached: 0, absent: 0, refused: 0, error: 0 },
      },
      servedBytes: 2000,
      savedBytes: 1000,
      fetchedBytes: 700,
      upstreams: [
        { name: "docker.io", requests: 0, fetchedBytes: 0, savedBytes: 1000, failures: 0 },
        { name: "quay.io", requests: 2, fetchedBytes: 700, savedBytes: 0, failures: 1 },
      ],
      requestsByClient: {
        containerd: { requests: 2, lastAt: 1_767_323_045_000 },
        ...Object.fromEntries(
          ["docker", "podman", "skopeo", "buildah", "crio", "buildkit", "other"].map((client) => {
            return [client, { requests: 0, lastAt: undefined }];
          }),
        ),
      },
    });
  });
});

describe("the breakers of an upstream", () => {
  it("have one series for each host of its endpoints, and one for all others", async () => {
    const endpoints = new Map([["quay.io", ["quay.io", "mirror.test:5000"]]]);
    const metrics = createMetrics({ upstreams: ["quay.io", "ghcr.io"], endpoints });
    const read = async (): Promise<[string, number][]> =>
      [...(await series(metrics))].filter(([key]) => key.includes("upstream_breaker_open"));
    const name = (upstream: string, endpoint: string): string =>
      `entrepot_upstream_breaker_open{upstream="${upstream}",endpoint="${endpoint}"}`;
    const changes: [string, string, boolean][] = [
      ["quay.io", "mirror.test:5000", true],
      ["quay.io", "cdn.test", true],
      ["quay.io", "auth.test", true],
      ["quay.io", "cdn.test", false],
      ["unknown.test", "unknown.test", true],
    ];
    for (const change of changes) metrics.breakerChanged(...change);
    expect(await read()).toEqual([
      [name("quay.io", "quay.io"), 0],
      [name("quay.io", "mirror.test:5000"), 1],
      [name("quay.io", "other"), 1],
      [name("ghcr.io", "other"), 0],
    ]);
  });
});
