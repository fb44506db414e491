import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startUpstream, temperaments, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const minute = 60_000;
const path = "/v2/library/demo/manifests/1";

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  instance = await startInstance({
    clock,
    settings: {
      upstreams: { "docker.io": { endpoints: [upstream.url], quota: { keepBack: "20%" } }, "quay.io": {} },
      tags: { staleFor: "1h" },
    },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const push = (size: number, tag = "1"): PushedImage => upstream.pushImage("library/demo", tag, { layers: [size] });
const digestOf = (reply: Reply): unknown => reply.headers["docker-content-digest"];
const both = async (): Promise<unknown[]> =>
  [await instance.ask(path, { method: "HEAD" }), await instance.ask(path)].map(digestOf);
const gets = (): number =>
  upstream.requests.count(({ method, kind }) => method === "GET" && kind.startsWith("manifest"));
const quotaLines = (): unknown[] => instance.log.filter(({ msg }) => /few more pulls|pulls again/.test(String(msg)));

/** From now on the registry says that so many of 100 pulls are left; `also`: what else is wrong with it. */
function announce(remaining: number, also = temperaments.headers({})): void {
  upstream.behave();
  const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": `${remaining};w=21600` };
  const temperament = [temperaments.headers({ ...headers, "docker-ratelimit-source": "192.0.2.1" }), also];
  upstream.misbehave({ on: "manifest-tag", temperament });
  upstream.misbehave({ on: "manifest-digest", temperament });
}

describe("a quota that runs low", () => {
  it("stops the pulls of moved tags: the version before is served to HEAD and GET, flagged, after a HEAD upstream", async () => {
    const first = push(10);
    announce(20);
    await instance.ask(path);
    announce(19);
    push(20);
    clock.advance(2 * minute);
    const kept = await instance.ask(path);
    expect([digestOf(kept), kept.headers["cache-status"], kept.headers["age"], kept.headers["warning"]]).toEqual([
      first.digest,
      "entrepot; hit; ttl=60; detail=quota-kept-back",
      "0",
      '299 - "the registry allows few more pulls, entrepot serves the version it has: quota-kept-back"',
    ]);
    clock.advance(2 * minute);
    expect(await both()).toEqual([first.digest, first.digest]);
    expect(gets()).toBe(1);
    await expect.poll(() => instance.metric("entrepot_requests_total", { outcome: "stale" })).toBe(3);
  });

  it("leaves the rest to what is not stored: another tag, and a digest", async () => {
    push(10);
    announce(5);
    await instance.ask(path);
    const [other, third] = [push(20, "2"), push(30, "3")];
    expect(digestOf(await instance.ask("/v2/library/demo/manifests/2"))).toBe(other.digest);
    expect((await instance.ask(`/v2/library/demo/manifests/${third.digest}`)).status).toBe(200);
  });

  it("costs nothing where the tag has moved to what is stored already", async () => {
    push(10);
    const other = push(20, "2");
    announce(5);
    await instance.ask(path);
    await instance.ask("/v2/library/demo/manifests/2");
    upstream.tag("library/demo", "1", other.digest);
    clock.advance(2 * minute);
    expect(await both()).toEqual([other.digest, other.digest]);
    expect(gets()).toBe(2);
  });

  it("is over when more is left again: the tag then moves; each crossing is logged once", async () => {
    push(10);
    announce(19);
    await instance.ask(path);
    const second = push(20);
    clock.advance(2 * minute);
    await instance.ask(path);
    announce(100);
    clock.advance(2 * minute);
    expect(await both()).toEqual([second.digest, second.digest]);
    expect(quotaLines()).toMatchObject([
      { level: "warn", upstream: "docker.io", limit: 100, remaining: 19, source: "192.0.2.1" },
      { level: "info", upstream: "docker.io", remaining: 100 },
    ]);
  });

  it("is not believed for ever: when its window has passed, the tag moves", async () => {
    push(10);
    announce(0);
    await instance.ask(path);
    const second = push(20);
    clock.advance(10 * minute);
    await instance.ask(path);
    upstream.behave();
    upstream.misbehave({ on: "manifest-tag", method: "HEAD", temperament: temperaments.status(405) });
    clock.advance(360 * minute);
    expect(digestOf(await instance.ask(path))).toBe(second.digest);
  });

  it("keeps a tag at the version before for staleFor, and no longer", async () => {
    const first = push(10);
    announce(5);
    await instance.ask(path);
    const second = push(20);
    clock.advance(2 * minute);
    await instance.ask(path);
    clock.advance(60 * minute);
    expect(digestOf(await instance.ask(path))).toBe(first.digest);
    clock.advance(2 * minute);
    expect(digestOf(await instance.ask(path))).toBe(second.digest);
  });

  it("spends no pull on a tag of which the upstream's HEAD does not tell whether it has moved", async () => {
    const first = push(10);
    announce(5);
    await instance.ask(path);
    push(20);
    announce(5, temperaments.noDigest());
    clock.advance(2 * minute);
    const kept = await instance.ask(path);
    expect([digestOf(kept), kept.headers["cache-status"], kept.headers["age"]]).toEqual([
      first.digest,
      "entrepot; hit; ttl=-60; detail=quota-kept-back",
      "120",
    ]);
    expect(gets()).toBe(1);
  });

  it("holds moved tags after a 429 too, for as long as that said", async () => {
    const first = push(10);
    await instance.ask(path);
    upstream.misbehave({ on: "manifest-tag", method: "GET", temperament: temperaments.rateLimited(600) });
    expect((await instance.ask("/v2/library/demo/manifests/new")).status).toBe(503);
    upstream.behave();
    const second = push(20);
    clock.advance(2 * minute);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(8 * minute);
    expect(await both()).toEqual([second.digest, second.digest]);
  });
});

describe("the metrics of a quota", () => {
  const seriesOf = async (name: string): Promise<string[]> => {
    const text = await (await fetch(`${instance.adminUrl}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith(`entrepot_upstream_${name}{`));
  };

  it("are there for upstreams that have announced one, and for nobody else", async () => {
    expect(await seriesOf("quota_remaining")).toEqual([]);
    push(10);
    announce(76);
    await instance.ask(path);
    const reset = (clock.now() + 21_600_000) / 1000;
    expect(await seriesOf("quota_limit")).toEqual(['entrepot_upstream_quota_limit{upstream="docker.io"} 100']);
    expect(await seriesOf("quota_remaining")).toEqual(['entrepot_upstream_quota_remaining{upstream="docker.io"} 76']);
    expect(await seriesOf("quota_reset_timestamp_seconds")).toEqual([
      `entrepot_upstream_quota_reset_timestamp_seconds{upstream="docker.io"} ${reset}`,
    ]);
    clock.advance(360 * minute);
    expect(await seriesOf("quota_remaining")).toEqual([]);
  });

  it("count the pulls that the registry counts, and the bytes that it did not have to send", async () => {
    push(10);
    await instance.ask(path);
    await instance.ask(path);
    clock.advance(2 * minute);
    const hit = await instance.ask(path);
    expect(await instance.metric("entrepot_upstream_manifest_pulls_total", { upstream: "docker.io" })).toBe(1);
    await expect
      .poll(() => instance.metric("entrepot_saved_bytes_total", { upstream: "docker.io" }))
      .toBe(2 * hit.body.length);
  });
});
