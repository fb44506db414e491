import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../src/config/index.ts";
import { load } from "./config-file.ts";

describe("no configuration at all", () => {
  const settings = loadSettings({ environment: {} });

  it("serves pulls and admin on loopback", () => {
    expect(settings.listen).toEqual([{ kind: "tcp", host: "127.0.0.1", port: 5000 }]);
    expect(settings.admin).toEqual({ listen: [{ kind: "tcp", host: "127.0.0.1", port: 5001 }], tokenFile: undefined });
    expect(settings.metrics.listen).toEqual([]);
    expect(settings.dataDir).toBe("./data");
  });

  it("has the ten upstreams, anonymous, over https", () => {
    expect(settings.defaultUpstream).toBe("docker.io");
    expect(settings.upstreams.map((upstream) => upstream.name)).toEqual([
      "docker.io",
      "ghcr.io",
      "quay.io",
      "registry.k8s.io",
      "gcr.io",
      "mcr.microsoft.com",
      "public.ecr.aws",
      "nvcr.io",
      "docker.elastic.co",
      "registry.gitlab.com",
    ]);
    for (const { endpoints } of settings.upstreams) {
      expect(endpoints).toEqual([{ url: expect.stringMatching(/^https:\/\/[a-z0-9.-]+$/) as string, credentials: [] }]);
    }
  });

  it("asks Docker Hub at its registry, with its token service", () => {
    expect(settings.upstreams[0]).toMatchObject({
      endpoints: [{ url: "https://registry-1.docker.io" }],
      tokenHosts: [],
      allowPrivateRedirects: false,
      ca: undefined,
      proxy: undefined,
    });
  });

  it("has the documented values everywhere else", () => {
    expect(settings.storage).toEqual({
      maxSize: undefined,
      minFree: { kind: "share", share: 0.1 },
      highWatermark: 0.95,
      lowWatermark: 0.9,
    });
    expect(settings.eviction).toEqual({ leaseForMs: 900_000, orphanGraceMs: 3_600_000 });
    expect(settings.pins).toEqual([]);
    expect(settings.scrub).toEqual({
      everyMs: 2_592_000_000,
      rateBytesPerSecond: 52_428_800,
      verifyOnRead: "stale",
    });
    expect(settings.abandoned).toEqual({ lingerMs: 5000, keepForMs: 900_000 });
    expect(settings.memory).toEqual({ hotBlobsBytes: 67_108_864, maxHotBlobBytes: 262_144 });
    expect(settings.serve).toEqual({
      ...{ idleTimeoutMs: 120_000, minRateBytesPerSecond: 1024, drainForMs: 25_000 },
      ...{ connectionsPerClient: 0, fillsPerClient: 0, offload: "none" },
    });
    expect(settings.log).toEqual({ level: "info", format: "auto" });
    expect(settings.upstreams[0]?.tags).toEqual({
      freshForMs: 60_000,
      staleForMs: 2_592_000_000,
      staleAfterMs: 2000,
      absentForMs: 10_000,
      onGone: "drop",
      goneGraceMs: 600_000,
      onDenied: "refuse",
      cooldownMs: 0,
      cooldownMode: "enforce",
    });
    expect(settings.upstreams[0]?.limits).toEqual({
      answerWithinMs: 20_000,
      headerTimeoutMs: 10_000,
      idleTimeoutMs: 20_000,
      connectTimeoutMs: 5000,
      attempts: 6,
      maxBlobSizeBytes: 107_374_182_400,
    });
  });

  it("is frozen to the bottom", () => {
    expect(() => ((settings.upstreams[0]?.tags as { freshForMs: number }).freshForMs = 1)).toThrow(TypeError);
    expect(() => (settings.upstreams as unknown[]).push({})).toThrow(TypeError);
  });

  it("is what an empty file and empty sections mean too", () => {
    expect(load("")).toEqual(settings);
    expect(load("tags:\nupstreams:\n  docker.io:\nstorage: {}\n")).toEqual(settings);
  });
});
