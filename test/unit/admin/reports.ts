import type { Job, UpstreamView } from "../../../src/admin/index.ts";
import type { EvictionReport, Explanation } from "../../../src/eviction/index.ts";
import { parseDigest, type Digest } from "../../../src/oci/index.ts";

export const time = Date.parse("2026-01-02T03:04:05Z");
export const rfc3339 = "2026-01-02T03:04:05.000Z";
export const alpine = "docker.io/library/alpine:3";

/** `sha256:` and 64 times one hex digit. */
export function digestOf(hex: string): Digest {
  const digest = parseDigest(`sha256:${hex.repeat(64)}`);
  if (digest === undefined) throw new Error(`${hex} is no hex digit`);
  return digest;
}

export const someExplanation: Explanation = {
  digest: digestOf("a"),
  kind: "index",
  state: "present",
  size: 1024,
  tags: [
    { image: alpine, relation: "current" },
    { image: "docker.io/library/alpine:edge", relation: "earlier" },
  ],
  neededBy: [{ digest: digestOf("b"), kind: "index", platform: undefined, images: [alpine] }],
  platforms: [
    { digest: digestOf("c"), platform: "linux/amd64", isHere: true },
    { digest: digestOf("d"), platform: undefined, isHere: false },
  ],
  pins: ["docker.io/library/alpine:*"],
  leasedUntil: time,
  firstFetchedAt: time,
  lastPulledAt: time,
  lastVerifiedAt: undefined,
  queue: { rank: 12 },
  uniqueBytes: 3 * 1024 ** 2,
  sharedBytes: 2 * 1024 ** 2,
  departures: [{ image: undefined, reason: "watermark", bytes: 4 * 1024 ** 2, at: time }],
};

/** What is told of a blob that has left. */
export const goneExplanation: Explanation = {
  ...someExplanation,
  kind: "unknown",
  state: "absent",
  size: undefined,
  tags: [],
  neededBy: [],
  platforms: [],
  pins: [],
  leasedUntil: undefined,
  firstFetchedAt: undefined,
  lastPulledAt: undefined,
  queue: undefined,
  uniqueBytes: 0,
  sharedBytes: 0,
};

export const someEviction: EvictionReport = {
  wantedBytes: 3 * 1024 ** 3,
  freedBytes: 4 * 1024 ** 3,
  keptSharedBytes: 1024 ** 2,
  victims: [
    {
      digest: digestOf("a"),
      kind: "image",
      images: [alpine, "docker.io/library/alpine:3.20"],
      lastPulledAt: time,
      bytes: 4 * 1024 ** 3,
    },
    { digest: digestOf("b"), kind: "blob", images: [], lastPulledAt: time, bytes: 12 },
  ],
};

export function someJob(job: Partial<Job> = {}): Job {
  return {
    id: "job-1",
    kind: "verify",
    state: "running",
    startedAt: time,
    endedAt: undefined,
    progress: { blobs: 1, totalBlobs: 4, bytes: 1024 ** 3, totalBytes: 4 * 1024 ** 3 },
    result: undefined,
    error: undefined,
    ...job,
  };
}

export const someUpstream: UpstreamView = {
  ...{ name: "docker.io", isDefault: true, offline: false, push: "deny" },
  endpoints: [{ host: "registry-1.docker.io", isOrigin: true, breaker: "closed", openUntil: undefined }],
  quota: {
    ...{ limit: 100, remaining: 76, windowSeconds: 21_600, source: "192.0.2.1", resetAt: time },
    ...{ limitedUntil: undefined, isLow: false, countedGets: 24 },
  },
  ...{ requests: 42, fetchedBytes: 1024 ** 3, savedBytes: 2 * 1024 ** 3, failures: 3 },
};
