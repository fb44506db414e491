import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { basic, challengeOf, login } from "../support/credentials.ts";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { errorOf, sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import {
  createGate,
  seededBytes,
  startUpstream,
  temperaments,
  type PushedImage,
  type TestUpstream,
} from "../upstream/index.ts";

const registry = "registry.corp.example";
const repository = `${registry}/org/private`;
const alice = basic("alice", "canary-alice");
const bob = basic("bob", "canary-bob");

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;
let image: PushedImage;

beforeEach(async () => {
  clock = new SkippingClock();
  upstream = await startUpstream({
    auth: {
      kind: "bearer",
      users: { alice: "canary-alice", bob: "canary-bob", carol: "canary-carol", house: "canary-house" },
      privateRepositories: { "org/private": ["alice", "carol", "house"] },
    },
  });
  image = upstream.pushImage("org/private", "1", { layers: [seededBytes("layer", 2_000_000)] });
  upstream.pushImage("org/public", "1");
  upstream.pushReferrer("org/private", image.digest, { artifactType: "application/x" });
  instance = await startInstance({
    clock,
    settings: {
      access: { mode: "upstream" },
      upstreams: {
        [registry]: { endpoints: [upstream.url], credentials: { username: "house", password: "canary-house" } },
      },
    },
  });
});

afterEach(async () => {
  upstream.behave();
  await instance.remove();
  await upstream.close();
});

const layer = (): string => String(image.layers[0]?.digest);

function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return instance.ask(`/v2/${repository}/${path}`, { headers, method });
}

/** Every kind of request about the private image. */
async function statusesOf(headers: Record<string, string>): Promise<Record<string, number>> {
  const paths = [
    "manifests/1",
    `manifests/${image.digest}`,
    `blobs/${layer()}`,
    "tags/list",
    `referrers/${image.digest}`,
  ];
  const statuses: Record<string, number> = {};
  for (const path of paths) {
    for (const method of ["GET", "HEAD"]) {
      statuses[`${method} ${path}`] = (await ask(path, headers, method)).status;
    }
  }
  statuses["range"] = (await ask(`blobs/${layer()}`, { ...headers, range: "bytes=5-9" })).status;
  return statuses;
}

async function pullAs(headers: Record<string, string>): Promise<void> {
  const pulled = await pull({ ask: (path) => instance.ask(path, { headers }) }, repository, "1");
  expect(pulled.broken).toEqual([]);
  await instance.settled();
}

describe("a private image that one user has pulled", () => {
  it("is not for another user, nor for nobody, whatever they ask for", async () => {
    await pullAs(alice);
    for (const headers of [bob, {}, await login(instance), basic("alice", "canary-wrong")]) {
      const statuses = await statusesOf(headers);
      expect(Object.values(statuses).filter((status) => status !== 401)).toEqual([]);
    }
    expect(new Set(Object.values(await statusesOf(alice)))).toEqual(new Set([200, 206]));
  });

  it("is refused with the upstream's words and a challenge, and not a word of the copy", async () => {
    await pullAs(alice);
    const reply = await ask("manifests/1", bob);
    expect([errorOf(reply).code, challengeOf(reply)["error"]]).toEqual(["UNAUTHORIZED", "insufficient_scope"]);
    expect(errorOf(reply).detail).toMatchObject({ upstream: registry, status: 401 });
    expect(reply.body.toString()).not.toMatch(/cached|stored|copy/);
  });

  it("comes from the cache to whom the upstream lets have it, after one question", async () => {
    await pullAs(alice);
    upstream.requests.clear();
    const carol = await login(instance, {
      ...{ user: "carol", password: "canary-carol", method: "POST" },
      scope: `repository:${repository}:pull`,
    });
    const reply = await ask(`blobs/${layer()}`, carol);
    expect([reply.headers["cache-status"], sha256(reply.body)]).toEqual(["entrepot; hit", layer()]);
    await ask(`blobs/${layer()}`, carol);
    expect(upstream.requests.filter({ kind: "blob", isRefused: false }).map(({ method }) => method)).toEqual(["HEAD"]);
    expect(upstream.requests.filter({ kind: "token" }).map(({ query }) => query.get("scope"))).toEqual([
      "repository:org/private:pull",
    ]);
  });

  it("is asked for upstream with nobody's credentials but the client's", async () => {
    await pullAs(alice);
    await statusesOf(bob);
    await statusesOf({});
    const users = upstream.requests.entries.flatMap(({ headers: { authorization } }) => {
      const encoded = /^Basic (.+)$/.exec(authorization ?? "")?.[1];
      return encoded === undefined ? [] : [Buffer.from(encoded, "base64").toString().split(":")[0]];
    });
    expect(new Set(users)).toEqual(new Set(["alice", "bob"]));
  });

  it("leaves no password in the log, the metrics or the files", async () => {
    await pullAs(alice);
    await statusesOf(bob);
    const metrics = await (await fetch(`${instance.adminUrl}/metrics`)).text();
    expect(JSON.stringify(instance.log) + metrics).not.toContain("canary");
    expect(JSON.stringify(instance.log)).not.toMatch(/"user":/);
  });
});

describe("a public image", () => {
  it("is pulled by those who have no credentials, and by those whose credentials are good", async () => {
    const get = (headers: Record<string, string>) =>
      instance.ask(`/v2/${registry}/org/public/manifests/1`, { headers });
    expect((await get(await login(instance))).status).toBe(200);
    expect((await get(bob)).headers["cache-status"]).toMatch(/^entrepot; hit/);
  });
});

describe("a verdict", () => {
  it("is asked for again after verdictFor, and what was taken away is refused then", async () => {
    await pullAs(alice);
    upstream.authorization.settings.privateRepositories["org/private"] = ["carol"];
    upstream.revokeTokens();
    expect((await ask(`blobs/${layer()}`, alice)).status).toBe(200);
    clock.skip(300_000);
    expect((await ask(`blobs/${layer()}`, alice)).status).toBe(401);
  });

  it("that refused is asked for again after 30 seconds, and not before", async () => {
    expect((await ask("manifests/1", bob)).status).toBe(401);
    upstream.authorization.settings.privateRepositories["org/private"] = ["alice", "bob"];
    upstream.requests.clear();
    expect((await ask("manifests/1", bob)).status).toBe(401);
    expect(upstream.requests.entries).toEqual([]);
    clock.skip(30_000);
    expect((await ask("manifests/1", bob)).status).toBe(200);
  });

  it("of a reference that is not there says nothing of others", async () => {
    expect((await ask("manifests/nowhere", alice)).status).toBe(404);
    expect((await ask("manifests/1", alice)).status).toBe(200);
  });

  it("that is refused at a check of the tag is believed, however fresh the last one", async () => {
    await pullAs(alice);
    upstream.authorization.settings.privateRepositories["org/private"] = ["carol"];
    upstream.revokeTokens();
    clock.skip(61_000);
    const reply = await ask("manifests/1", alice);
    expect([reply.status, errorOf(reply).code]).toEqual([403, "DENIED"]);
    expect(reply.body.toString()).not.toMatch(/cached|stored|copy/);
  });

  it("cannot be had while the upstream is down: nothing is served then, cached or not", async () => {
    await pullAs(alice);
    clock.skip(300_000);
    await upstream.stop();
    const statuses = await statusesOf(alice);
    expect(new Set(Object.values(statuses))).toEqual(new Set([503]));
    const reply = await ask(`manifests/${image.digest}`, alice);
    expect([errorOf(reply).code, reply.body.toString()]).toEqual([
      "UNAVAILABLE",
      expect.not.stringMatching(/cached|stored|copy/) as string,
    ]);
  });

  it("that was given lets the cache serve while the upstream is down", async () => {
    await pullAs(alice);
    await upstream.stop();
    clock.skip(61_000);
    expect((await ask("manifests/1", alice)).headers["cache-status"]).toContain("detail=stale-upstream-unreachable");
    expect((await ask(`blobs/${layer()}`, bob)).status).toBe(503);
  });
});

describe("a blob that is being filled for one user", () => {
  it("cannot be joined by another, and can by one who may have it", async () => {
    const gate = createGate();
    upstream.misbehave({ on: "blob", method: "GET", times: 1, temperament: temperaments.gated(gate, 1_000_000) });
    const first = ask(`blobs/${layer()}`, alice);
    await upstream.requests.waitFor({ kind: "blob", method: "GET", isRefused: false });
    expect((await ask(`blobs/${layer()}`, bob)).status).toBe(401);
    expect((await ask(`blobs/${layer()}`, { ...bob, range: "bytes=0-9" })).status).toBe(401);
    const second = ask(`blobs/${layer()}`, basic("carol", "canary-carol"));
    await upstream.requests.waitFor({ kind: "blob", method: "HEAD", status: 200 }, 2);
    gate.release();
    expect(sha256((await first).body)).toBe(layer());
    const joined = await second;
    expect([sha256(joined.body), joined.headers["cache-status"]]).toEqual([
      layer(),
      expect.stringContaining("entrepot;"),
    ]);
    const fetched = upstream.requests.filter({ kind: "blob", method: "GET", isRefused: false });
    expect(fetched).toHaveLength(1);
  });

  it("goes on with the credential of one who still waits, when it breaks off and its first reader has left", async () => {
    const gate = createGate();
    upstream.misbehave({ on: "blob", method: "GET", times: 1, temperament: temperaments.gated(gate, 1_500_000) });
    const leaving = new AbortController();
    const first = await instance.open(`/v2/${repository}/blobs/${layer()}`, { headers: alice, signal: leaving.signal });
    first.body.on("error", () => undefined).resume();
    await gate.reached();
    const second = await instance.open(`/v2/${repository}/blobs/${layer()}`, {
      headers: basic("carol", "canary-carol"),
    });
    leaving.abort();
    while ((await instance.metric("entrepot_flight_followers")) > 0);
    upstream.requests.clear();
    upstream.site("registry").dropConnections();
    const bytes = Buffer.from(await second.body.arrayBuffer());
    expect(sha256(bytes)).toBe(layer());
    const resumed = upstream.requests.filter(
      ({ kind, method, isRefused }) => kind === "blob" && method === "GET" && !isRefused,
    );
    expect(resumed.map(({ headers: { authorization } }) => authorization)).toEqual([
      expect.stringMatching(/^Bearer token-\d+-carol$/),
    ]);
  });
});
