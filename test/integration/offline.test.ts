import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { pull } from "../support/pull.ts";
import { errorOf } from "../support/reply.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";

const year = 365 * 86_400_000;
const repository = "library/demo";

let upstream: TestUpstream;
let online: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  online = await startInstance({ clock, settings: settings({}) });
});

afterEach(async () => {
  await online.remove();
  await upstream.close();
});

function settings(own: Record<string, unknown>, whole: Record<string, unknown> = {}): Record<string, unknown> {
  const tags = { staleFor: "1d", patterns: [{ match: "v*", staleFor: "1h" }] };
  return { ...whole, tags, upstreams: { "docker.io": { endpoints: [upstream.url], ...own } } };
}

/** The same data, offline, a year later; what the upstream is asked from now on is counted from 0. */
async function goOffline(own: Record<string, unknown>, whole: Record<string, unknown> = {}): Promise<Instance> {
  await online.stop();
  clock.advance(year);
  upstream.requests.clear();
  return startInstance({ clock, settings: settings(own, whole), directory: online.directory });
}

describe.each([
  { who: "an upstream", own: { offline: true }, whole: {} },
  { who: "the whole", own: {}, whole: { offline: true } },
])("with $who offline", ({ own, whole }) => {
  it("what is stored is pulled whole, by a tag of any age, flagged, and the upstream is never asked", async () => {
    upstream.pushImage(repository, "1", { layers: [2_000_000] });
    const { digest } = upstream.pushImage(repository, "v1", { layers: [10] });
    await pull(online, repository, "1");
    await pull(online, repository, "v1");
    await online.settled();
    const offline = await goOffline(own, whole);
    try {
      expect((await pull(offline, repository, "1")).broken).toEqual([]);
      expect((await pull(offline, repository, "1", { mustCheck: true })).broken).toEqual([]);
      expect((await pull(offline, repository, digest)).broken).toEqual([]);
      for (const method of ["GET", "HEAD"]) {
        const reply = await offline.ask(`/v2/${repository}/manifests/v1`, { method });
        expect([reply.status, reply.headers["docker-content-digest"], reply.headers["warning"]]).toEqual([
          200,
          digest,
          expect.stringContaining("offline"),
        ]);
        expect(reply.headers["cache-status"]).toMatch(/^entrepot; hit; ttl=-\d+; detail=offline$/);
      }
      expect(upstream.requests.count()).toBe(0);
    } finally {
      await offline.stop();
    }
  });

  it("what is not stored is answered 503 that says so, and no proof is asked for", async () => {
    const image = upstream.pushImage(repository, "1", { layers: [10] });
    const layer = image.layers[0]?.digest ?? "";
    upstream.pushImage("library/other", "1", { layers: [20] });
    await pull(online, repository, "1");
    await online.settled();
    const offline = await goOffline(own, whole);
    try {
      const paths = [
        `/v2/${repository}/manifests/absent`,
        `/v2/${repository}/manifests/sha256:${"0".repeat(64)}`,
        `/v2/${repository}/blobs/sha256:${"0".repeat(64)}`,
        `/v2/${repository}/tags/list`,
        `/v2/${repository}/referrers/${image.digest}`,
        // Stored, but not known to be in this repository.
        `/v2/library/other/manifests/${image.digest}`,
        `/v2/library/other/blobs/${layer}`,
      ];
      for (const path of paths) {
        const reply = await offline.ask(path);
        expect([reply.status, errorOf(reply).code], path).toEqual([503, "UNAVAILABLE"]);
        expect(errorOf(reply).detail, path).toMatchObject({ upstream: "docker.io", reason: "offline" });
      }
      expect(upstream.requests.count()).toBe(0);
    } finally {
      await offline.stop();
    }
  });
});
