import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const minute = 60_000;

let upstream: TestUpstream;
let other: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  [upstream, other] = await Promise.all([startUpstream({}), startUpstream({})]);
  instance = await startInstance({
    clock,
    settings: {
      tags: { patterns: [{ match: "v*", freshFor: "1d" }] },
      upstreams: {
        "docker.io": { endpoints: [upstream.url] },
        "quay.io": {
          endpoints: [other.url],
          tags: {
            goneGrace: "1m",
            patterns: [
              { match: "kept-*", onGone: "keep", onDenied: "keep" },
              { match: "short-*", staleFor: "5m" },
              { match: "v0.*", freshFor: "1s" },
            ],
          },
        },
      },
    },
  });
});

afterEach(async () => {
  await instance.remove();
  await Promise.all([upstream.close(), other.close()]);
});

const quay = (tag: string): string => `/v2/quay.io/library/demo/manifests/${tag}`;
const statuses = async (...tags: string[]): Promise<number[]> =>
  Promise.all(tags.map(async (tag) => (await instance.ask(quay(tag))).status));

describe("the policy of a tag", () => {
  it("is that of the first pattern which matches it: a release is believed for a day, latest for a minute", async () => {
    for (const tag of ["v1", "latest"]) upstream.pushImage("library/demo", tag);
    for (const tag of ["v1", "latest"]) await instance.ask(`/v2/library/demo/manifests/${tag}`);
    clock.advance(23 * 60 * minute);
    const release = await instance.ask("/v2/library/demo/manifests/v1");
    expect(release.headers["cache-status"]).toBe("entrepot; hit; ttl=3600");
    await instance.ask("/v2/library/demo/manifests/latest");
    expect(upstream.requests.count({ kind: "manifest-tag", reference: "v1" })).toBe(1);
    expect(upstream.requests.count({ kind: "manifest-tag", reference: "latest" })).toBe(2);
  });

  it("is the upstream's before the global one", async () => {
    for (const tag of ["v0.1", "v1.0"]) other.pushImage("library/demo", tag);
    await statuses("v0.1", "v1.0");
    clock.advance(minute);
    await statuses("v0.1", "v1.0");
    expect(other.requests.count({ kind: "manifest-tag", reference: "v0.1" })).toBe(2);
    expect(other.requests.count({ kind: "manifest-tag", reference: "v1.0" })).toBe(1);
  });

  it("says whether a tag that has gone upstream goes here too", async () => {
    for (const tag of ["kept-1", "1"]) other.pushImage("library/demo", tag);
    await statuses("kept-1", "1");
    for (const tag of ["kept-1", "1"]) other.removeTag("library/demo", tag);
    clock.advance(2 * minute);
    expect(await statuses("kept-1", "1")).toEqual([200, 200]);
    clock.advance(2 * minute);
    expect(await statuses("kept-1", "1")).toEqual([200, 404]);
    const kept = await instance.ask(quay("kept-1"));
    expect([kept.headers["cache-status"], kept.headers["age"]]).toEqual([
      "entrepot; hit; ttl=-180; detail=stale-upstream-gone",
      "240",
    ]);
    expect(kept.headers["warning"]).toMatch(/^299 - ".*upstream-gone"$/);
  });

  it("says for how long a tag outlives its upstream", async () => {
    for (const tag of ["short-1", "1"]) other.pushImage("library/demo", tag);
    await statuses("short-1", "1");
    await other.stop();
    clock.advance(5 * minute);
    expect(await statuses("short-1", "1")).toEqual([200, 200]);
    clock.advance(2 * minute);
    expect(await statuses("short-1", "1")).toEqual([502, 200]);
  });

  it("says whether a refusal is followed", async () => {
    for (const tag of ["kept-1", "1"]) other.pushImage("library/demo", tag);
    other.pushImage("library/other", "1");
    await statuses("kept-1", "1");
    clock.advance(2 * minute);
    other.misbehave({ on: "any", repository: "library/demo", temperament: temperaments.denied() });
    await instance.ask("/v2/quay.io/library/other/manifests/1");
    expect(await statuses("kept-1", "1")).toEqual([200, 403]);
  });
});
