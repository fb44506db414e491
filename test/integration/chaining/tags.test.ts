import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Instance, Reply } from "../../support/instance.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { errorOf } from "../../support/reply.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { of, startNode } from "./chain.ts";

const path = of("org/app/manifests/1");

let registry: TestUpstream;
let parent: Instance;
let node: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  registry = await startUpstream({});
  const settings = { limits: { attempts: 1 } };
  parent = await startNode({ above: [registry.url], clock, settings });
  node = await startNode({ above: [parent], clock, settings });
});

afterEach(async () => {
  await node.remove();
  await parent.remove();
  await registry.close();
});

const digestOf = (reply: Reply): unknown => reply.headers["docker-content-digest"];
const told = ({ status, headers }: Reply) => [status, headers["age"], headers["cache-status"]];
const asked = (): string[] => registry.requests.entries.map(({ method, kind }) => `${method} ${kind}`);

describe("a tag through a parent cache", () => {
  it("says what both caches did, the one next to the registry first", async () => {
    registry.pushImage("org/app", "1");
    expect(told(await node.ask(path))).toEqual([200, "0", "entrepot; fwd=miss; stored, entrepot; fwd=miss; stored"]);
    expect(told(await node.ask(path))).toEqual([200, "0", "entrepot; hit; ttl=60"]);
    clock.advance(60_000);
    expect(told(await node.ask(path))).toEqual([200, "0", "entrepot; hit; ttl=60, entrepot; hit; ttl=60"]);
    expect(asked()).toEqual(["GET manifest-tag", "HEAD manifest-tag"]);
  });

  it("is fresh for no longer than at the parent", async () => {
    registry.pushImage("org/app", "1");
    await parent.ask(path);
    clock.advance(45_000);
    expect(told(await node.ask(path))).toEqual([200, "45", "entrepot; hit; ttl=15, entrepot; fwd=miss; stored"]);
    clock.advance(14_000);
    expect(told(await node.ask(path))).toEqual([200, "59", "entrepot; hit; ttl=1"]);
    const moved = registry.pushImage("org/app", "1", { layers: [10] });
    clock.advance(1000);
    const reply = await node.ask(path);
    expect([digestOf(reply), reply.headers["age"]]).toEqual([moved.digest, "0"]);
  });

  it("is as old after a HEAD and a GET by digest, as containerd asks, as the parent said", async () => {
    const { digest } = registry.pushImage("org/app", "1");
    await parent.ask(path);
    clock.advance(40_000);
    expect(told(await node.ask(path, { method: "HEAD" }))).toEqual([
      200,
      "40",
      "entrepot; hit; ttl=20, entrepot; fwd=miss",
    ]);
    expect((await node.ask(of(`org/app/manifests/${digest}`))).headers["cache-status"]).toBe(
      "entrepot; hit, entrepot; fwd=miss; stored",
    );
    expect(told(await node.ask(path))).toEqual([200, "40", "entrepot; hit; ttl=20"]);
    expect(asked()).toEqual(["GET manifest-tag"]);
  });

  it("is checked at the registry where the client says `no-cache`, once for any number of clients", async () => {
    const headers = { "cache-control": "no-cache" };
    registry.pushImage("org/app", "1");
    await node.ask(path);
    const moved = registry.pushImage("org/app", "1", { layers: [10] });
    const gate = createGate();
    registry.misbehave({ on: "manifest-tag", temperament: temperaments.gated(gate) });
    const replies = Array.from({ length: 20 }, () => node.ask(path, { headers }));
    await gate.reached();
    // Whatever was sent before these has come to the node.
    for (let count = 0; count < 3; count += 1) await node.ask("/v2/");
    gate.release();
    expect((await Promise.all(replies)).map(digestOf)).toEqual(replies.map(() => moved.digest));
    expect(asked()).toEqual(["GET manifest-tag", "HEAD manifest-tag", "GET manifest-digest"]);
  });

  describe("that has moved, and of which another parent still has the earlier version,", () => {
    let behind: Instance;
    let child: Instance;
    let moved: string;

    beforeEach(async () => {
      registry.pushImage("org/app", "1");
      behind = await startNode({ above: [registry.url], clock, settings: { tags: { freshFor: "1h" } } });
      child = await startNode({ above: [parent, behind], clock, settings: { limits: { attempts: 1 } } });
      await behind.ask(path);
      clock.advance(30_000);
      moved = registry.pushImage("org/app", "1", { layers: [10] }).digest;
      expect(digestOf(await child.ask(path))).toBe(moved);
      await parent.stop();
      clock.advance(61_000);
    });

    afterEach(async () => {
      await child.remove();
      await behind.remove();
    });

    it("does not go back: that parent is made to ask the registry", async () => {
      expect(digestOf(await child.ask(path))).toBe(moved);
      expect(asked()).toEqual(["GET manifest-tag", "GET manifest-tag", "HEAD manifest-tag"]);
    });

    it("does not go back where that parent cannot ask it either", async () => {
      await registry.stop();
      const reply = await child.ask(path);
      expect([digestOf(reply), reply.headers["cache-status"]]).toEqual([
        moved,
        "entrepot; hit; ttl=-1; detail=stale-upstream-unreachable",
      ]);
    });
  });

  it("that is not there is absent at once, and remembered by both", async () => {
    for (let count = 0; count < 3; count += 1) {
      const reply = await node.ask(path);
      expect([reply.status, errorOf(reply).code]).toEqual([404, "MANIFEST_UNKNOWN"]);
    }
    expect(asked()).toEqual(["GET manifest-tag"]);
  });
});

describe("what a parent serves stale", () => {
  beforeEach(async () => {
    registry.pushImage("org/app", "1");
    await parent.ask(path);
    clock.advance(120_000);
    await registry.stop();
  });

  it("is served, flagged as stale with its age, and stored as stale: it is asked about again at once", async () => {
    const first = await node.ask(path);
    expect(told(first)).toEqual([
      200,
      "120",
      "entrepot; hit; ttl=-60; detail=stale-upstream-unreachable, entrepot; fwd=miss; stored; detail=stale-upstream-unreachable",
    ]);
    expect(first.headers["warning"]).toMatch(/^299 - ".*upstream-unreachable"$/);
    const again = await node.ask(path);
    expect(again.headers["cache-status"]).toBe(
      "entrepot; hit; ttl=-60; detail=stale-upstream-unreachable, entrepot; hit; ttl=-60; detail=stale-upstream-unreachable",
    );
    await registry.restart();
    const moved = registry.pushImage("org/app", "1", { layers: [10] });
    clock.advance(60_000);
    const fresh = await node.ask(path);
    expect([digestOf(fresh), fresh.headers["warning"]]).toEqual([moved.digest, undefined]);
  });

  it("is expired here too, however long it would be fresh here", async () => {
    const patient = await startNode({ above: [parent], clock, settings: { tags: { freshFor: "1d" } } });
    await patient.ask(path);
    await registry.restart();
    const moved = registry.pushImage("org/app", "1", { layers: [10] });
    clock.advance(60_000);
    expect(digestOf(await patient.ask(path))).toBe(moved.digest);
    await patient.remove();
  });

  it("and then does not serve at all any more, the node serves", async () => {
    await node.ask(path);
    await parent.stop();
    const reply = await node.ask(path);
    expect([reply.status, reply.headers["cache-status"]]).toEqual([
      200,
      expect.stringMatching(/^entrepot; hit; ttl=-\d+; detail=stale-upstream-unreachable$/),
    ]);
  });
});

describe("a list through a parent cache", () => {
  const list = of("org/app/tags/list");
  const namesOf = (reply: Reply) => (JSON.parse(reply.body.toString()) as { tags: string[] }).tags;

  it("is as old as it is there, and says both", async () => {
    registry.pushImage("org/app", "1");
    await parent.ask(list);
    clock.advance(50_000);
    expect(told(await node.ask(list))).toEqual([200, "50", "entrepot; hit; ttl=10, entrepot; fwd=miss; stored"]);
    registry.pushImage("org/app", "2");
    expect(namesOf(await node.ask(list))).toEqual(["1"]);
    clock.advance(10_000);
    expect(namesOf(await node.ask(list))).toEqual(["1", "2"]);
  });

  it("is asked of the registry where the client says `no-cache`", async () => {
    registry.pushImage("org/app", "1");
    await node.ask(list);
    registry.pushImage("org/app", "2");
    expect(namesOf(await node.ask(list, { headers: { "cache-control": "no-cache" } }))).toEqual(["1", "2"]);
    expect(asked()).toEqual(["GET tags", "GET tags"]);
  });

  it("of referrers has all of them, from wherever the registry keeps them", async () => {
    const { digest } = registry.pushImage("org/app", "1");
    const { digest: signature } = registry.pushReferrer("org/app", digest, { artifactType: "application/x.sig" });
    registry.settings.referrersApi = false;
    const reply = await node.ask(of(`org/app/referrers/${digest}`));
    expect(JSON.parse(reply.body.toString())).toMatchObject({ manifests: [{ digest: signature }] });
  });
});
