import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { errorOf } from "../support/reply.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const minute = 60_000;
const path = "/v2/library/demo/manifests/1";

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  instance = await startInstance({ clock, settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const digestOf = (reply: Reply): unknown => reply.headers["docker-content-digest"];
const manifests = (): string[] =>
  upstream.requests.filter(({ kind }) => kind.startsWith("manifest")).map(({ method, kind }) => `${method} ${kind}`);

describe("a tag", () => {
  it("is believed for its freshness period, then checked with one HEAD", async () => {
    const image = upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    clock.advance(59_000);
    expect(digestOf(await instance.ask(path))).toBe(image.digest);
    expect(manifests()).toEqual(["GET manifest-tag"]);
    clock.advance(minute);
    const checked = await instance.ask(path);
    expect([checked.status, checked.headers["age"], checked.headers["cache-status"]]).toEqual([
      200,
      "0",
      "entrepot; hit; ttl=60",
    ]);
    await instance.ask(path);
    expect(manifests()).toEqual(["GET manifest-tag", "HEAD manifest-tag"]);
  });

  it("is checked once for any number of waiters", async () => {
    upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    clock.advance(2 * minute);
    const gate = createGate();
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.gated(gate) });
    const waiting = Array.from({ length: 20 }, () => instance.ask(path));
    await gate.reached();
    gate.release();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 200));
    expect(manifests()).toEqual(["GET manifest-tag", "HEAD manifest-tag"]);
  });

  it("that moved is answered to a HEAD from the upstream's HEAD, and fetched by digest for the next GET", async () => {
    upstream.pushImage("library/demo", "1", { layers: [10] });
    await instance.ask(path);
    const moved = upstream.pushImage("library/demo", "1", { layers: [20] });
    clock.advance(2 * minute);
    const head = await instance.ask(path, { method: "HEAD" });
    expect([digestOf(head), head.headers["content-length"], head.headers["content-type"]]).toEqual([
      moved.digest,
      String(moved.manifest.length),
      moved.mediaType,
    ]);
    const get = await instance.ask(path);
    expect([digestOf(get), get.headers["cache-status"]]).toEqual([moved.digest, "entrepot; fwd=miss; stored"]);
    expect(get.body.equals(moved.manifest)).toBe(true);
    expect(manifests()).toEqual(["GET manifest-tag", "HEAD manifest-tag", "GET manifest-digest"]);
  });

  it("moves with the manifest that a client fetches by digest after its HEAD, and then outlives the upstream", async () => {
    const image = upstream.pushImage("library/demo", "1");
    await instance.ask(path, { method: "HEAD" });
    await instance.ask(`/v2/library/demo/manifests/${image.digest}`);
    await upstream.stop();
    clock.advance(10 * minute);
    const stale = await instance.ask(path, { method: "HEAD" });
    expect([stale.status, digestOf(stale)]).toEqual([200, image.digest]);
    expect(stale.headers["cache-status"]).toBe("entrepot; hit; ttl=-540; detail=stale-upstream-unreachable");
    expect(stale.headers["warning"]).toMatch(/^299 - "/);
    expect(stale.headers["age"]).toBe("600");
  });

  it("that moved and moved back before anyone fetched it is the old one again", async () => {
    const image = upstream.pushImage("library/demo", "1", { layers: [10] });
    await instance.ask(path);
    upstream.pushImage("library/demo", "1", { layers: [20] });
    clock.advance(2 * minute);
    await instance.ask(path, { method: "HEAD" });
    upstream.tag("library/demo", "1", image.digest);
    clock.advance(2 * minute);
    await instance.ask(path, { method: "HEAD" });
    expect(digestOf(await instance.ask(path))).toBe(image.digest);
  });

  it("is asked for when the client says no-cache, however fresh it is", async () => {
    upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    await instance.ask(path, { headers: { "cache-control": "no-cache" } });
    expect(manifests()).toEqual(["GET manifest-tag", "HEAD manifest-tag"]);
  });

  it("is served stale when the check takes longer than staleAfter, and the check goes on", async () => {
    upstream.pushImage("library/demo", "1", { layers: [10] });
    const first = await instance.ask(path);
    const moved = upstream.pushImage("library/demo", "1", { layers: [20] });
    clock.advance(2 * minute);
    const gate = createGate();
    upstream.misbehave({ on: "manifest-tag", times: 1, temperament: temperaments.gated(gate) });
    const waiting = instance.ask(path);
    await gate.reached();
    clock.advance(2000);
    const slow = await waiting;
    expect([digestOf(slow), slow.headers["cache-status"]]).toEqual([
      digestOf(first),
      "entrepot; hit; ttl=-62; detail=stale-upstream-slow",
    ]);
    gate.release();
    await upstream.requests.waitFor({ kind: "manifest-digest" });
    expect(digestOf(await instance.ask(path))).toBe(moved.digest);
  });

  it("is refused after answerWithin when there is nothing stale to serve", async () => {
    upstream.pushImage("library/demo", "1");
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.silent() });
    const waiting = instance.ask(path);
    await upstream.requests.waitFor({ kind: "manifest-tag" });
    clock.advance(20_000);
    const reply = await waiting;
    expect([reply.status, errorOf(reply).code]).toEqual([504, "UNAVAILABLE"]);
  });

  it("is not served past staleFor", async () => {
    upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    await upstream.stop();
    clock.advance(31 * 24 * 60 * minute);
    const reply = await instance.ask(path);
    expect([reply.status, errorOf(reply).code, errorOf(reply).detail?.["cached"]]).toEqual([
      502,
      "UNAVAILABLE",
      expect.stringContaining("staleFor"),
    ]);
  });

  it("that a client never had is absent at once, and remembered as such for a few seconds", async () => {
    expect(errorOf(await instance.ask(path)).code).toBe("MANIFEST_UNKNOWN");
    expect((await instance.ask(path)).status).toBe(404);
    expect(manifests()).toEqual(["GET manifest-tag"]);
    upstream.pushImage("library/demo", "1");
    clock.advance(10_001);
    expect((await instance.ask(path)).status).toBe(200);
  });

  it("that vanished upstream goes only when the origin says so again after goneGrace; its digest stays", async () => {
    const image = upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    upstream.removeTag("library/demo", "1");
    clock.advance(2 * minute);
    const marked = await instance.ask(path);
    expect([marked.status, marked.headers["cache-status"]]).toEqual([
      200,
      expect.stringContaining("stale-upstream-gone"),
    ]);
    clock.advance(9 * minute);
    expect((await instance.ask(path)).status).toBe(200);
    clock.advance(2 * minute);
    expect((await instance.ask(path)).status).toBe(404);
    expect((await instance.ask(`/v2/library/demo/manifests/${image.digest}`)).status).toBe(200);
  });

  it("that came back within the grace loses its mark", async () => {
    const image = upstream.pushImage("library/demo", "1");
    await instance.ask(path);
    upstream.removeTag("library/demo", "1");
    clock.advance(2 * minute);
    await instance.ask(path);
    upstream.tag("library/demo", "1", image.digest);
    clock.advance(minute);
    expect((await instance.ask(path)).headers["cache-status"]).toBe("entrepot; hit; ttl=60");
    upstream.removeTag("library/demo", "1");
    clock.advance(20 * minute);
    expect((await instance.ask(path)).status).toBe(200);
  });

  it("is served stale while every repository is refused, and refused when ours alone is", async () => {
    upstream.pushImage("library/demo", "1");
    upstream.pushImage("library/other", "1");
    await instance.ask(path);
    clock.advance(20 * minute);
    const refusing = upstream.misbehave({ on: "any", temperament: temperaments.denied() });
    expect((await instance.ask(path)).headers["cache-status"]).toContain("stale-upstream-denied");
    refusing.stop();
    upstream.misbehave({ on: "any", repository: "library/demo", temperament: temperaments.denied() });
    await instance.ask("/v2/library/other/manifests/1");
    const refused = await instance.ask(path);
    expect([refused.status, errorOf(refused).code]).toEqual([403, "DENIED"]);
  });

  it("is resolved with a GET where the upstream's HEAD says too little", async () => {
    const image = upstream.pushImage("library/demo", "1");
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.noDigest() });
    const head = await instance.ask(path, { method: "HEAD" });
    expect([head.status, digestOf(head)]).toEqual([200, image.digest]);
    expect(manifests()).toEqual(["HEAD manifest-tag", "GET manifest-tag"]);
  });

  it("of a registry that limits us is TOOMANYREQUESTS with Retry-After, and 503 so that clients go elsewhere", async () => {
    upstream.pushImage("library/demo", "1");
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.rateLimited(7) });
    const reply = await instance.ask(path);
    expect([reply.status, errorOf(reply).code, reply.headers["retry-after"]]).toEqual([503, "TOOMANYREQUESTS", "7"]);
  });
});
