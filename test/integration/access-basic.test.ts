import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askToken, basic, challengeOf, login, postForm } from "../support/credentials.ts";
import { writeHtpasswd, type HtpasswdFixture } from "../support/htpasswd.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { errorOf } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { seededBytes, startUpstream, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;
let htpasswd: HtpasswdFixture;
let clock: SkippingClock;

beforeEach(async () => {
  htpasswd = writeHtpasswd({ alice: "canary-alice", bob: "canary-bob" });
  clock = new SkippingClock();
  upstream = await startUpstream({});
  instance = await startInstance({
    clock,
    settings: {
      access: {
        mode: "basic",
        htpasswdFile: htpasswd.file,
        rules: [
          { user: "alice", allow: ["docker.io/**", "ghcr.io/org/*"], deny: ["docker.io/library/secret"] },
          { user: "*", allow: ["docker.io/library/busybox"] },
          { user: "anonymous", allow: ["docker.io/library/hello"] },
        ],
      },
      trustedProxies: ["127.0.0.1"],
      upstreams: { "docker.io": { endpoints: [upstream.url] }, "ghcr.io": { endpoints: [upstream.url] } },
    },
  });
  for (const name of ["alpine", "secret", "busybox", "hello"]) upstream.pushImage(`library/${name}`, "1");
  upstream.pushImage("org/app", "1");
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function statusOf(repository: string, headers: Record<string, string> = {}): Promise<number> {
  return (await instance.ask(`/v2/${repository}/manifests/1`, { headers })).status;
}

describe("a client with a user of the htpasswd file", () => {
  it.each(["GET", "POST"] as const)(
    "pulls with a token from a %s, whatever scope its own name led to",
    async (method) => {
      const scope = "repository:ghcr.io/org/app:pull";
      const headers = await login(instance, { user: "alice", password: "canary-alice", scope, method });
      const pulled = await pull({ ask: (path) => instance.ask(path, { headers }) }, "ghcr.io/org/app", "1");
      expect(pulled.broken).toEqual([]);
    },
  );

  it("pulls with Basic at once, and its name is in the log", async () => {
    expect(await statusOf("ghcr.io/org/app", basic("alice", "canary-alice"))).toBe(200);
    expect(instance.log.filter(({ user }) => user === "alice")).toHaveLength(1);
  });

  it("gets what the rules say: its own, those for all users, those for everybody", async () => {
    const alice = basic("alice", "canary-alice");
    const bob = basic("bob", "canary-bob");
    expect(await statusOf("library/alpine", alice)).toBe(200);
    expect(await statusOf("library/alpine", bob)).toBe(404);
    expect(await statusOf("library/busybox", bob)).toBe(200);
    expect(await statusOf("library/hello", bob)).toBe(200);
    const denied = await instance.ask("/v2/library/secret/manifests/1", { headers: alice });
    expect([denied.status, errorOf(denied).code, errorOf(denied).detail?.["policy"]]).toEqual([
      404,
      "NAME_UNKNOWN",
      "access.rules",
    ]);
  });

  it("is refused every kind of request of a repository that is not for it, stored or not", async () => {
    const alice = basic("alice", "canary-alice");
    const manifest = await instance.ask("/v2/library/alpine/manifests/1", { headers: alice });
    const digest = String(manifest.headers["docker-content-digest"]);
    const { config } = JSON.parse(manifest.body.toString()) as { config: { digest: string } };
    await instance.ask(`/v2/library/alpine/blobs/${config.digest}`, { headers: alice });
    const bob = basic("bob", "canary-bob");
    const paths = [`manifests/1`, `manifests/${digest}`, `blobs/${config.digest}`, "tags/list", `referrers/${digest}`];
    for (const path of paths) {
      for (const method of ["GET", "HEAD"]) {
        for (const headers of [bob, { ...bob, range: "bytes=0-1" }]) {
          const reply = await instance.ask(`/v2/library/alpine/${path}`, { method, headers });
          expect([method, path, reply.status]).toEqual([method, path, 404]);
        }
        const reply = await instance.ask(`/v2/library/alpine/${path}`, { method });
        expect([method, path, reply.status]).toEqual([method, path, 401]);
      }
    }
  });
});

describe("a client without credentials", () => {
  it("is challenged by /v2/ with our own token service", async () => {
    const reply = await instance.ask("/v2/");
    expect([reply.status, challengeOf(reply)]).toEqual([
      401,
      { realm: `${instance.url}/auth/token`, service: "entrepot" },
    ]);
  });

  it("pulls with an anonymous token what is for everybody, and is challenged for the rest", async () => {
    const headers = await login(instance);
    expect((await instance.ask("/v2/", { headers })).status).toBe(200);
    expect(await statusOf("library/hello", headers)).toBe(200);
    const refused = await instance.ask("/v2/library/alpine/manifests/1", { headers });
    expect([refused.status, challengeOf(refused)["service"]]).toEqual([401, "entrepot"]);
  });
});

describe("wrong credentials", () => {
  it("get no token and no content, and their passwords are nowhere", async () => {
    expect((await askToken(instance, { user: "alice", password: "canary-wrong" })).status).toBe(401);
    expect((await askToken(instance, { user: "eve", password: "canary-eve", method: "POST" })).status).toBe(401);
    const reply = await instance.ask("/v2/library/hello/manifests/1", { headers: basic("alice", "canary-wrong") });
    expect([reply.status, errorOf(reply).code]).toEqual([401, "UNAUTHORIZED"]);
    expect(reply.body.toString() + JSON.stringify(instance.log)).not.toContain("canary");
  });

  it("are refused in words at the token service where the grant or the form is not ours", async () => {
    const refresh = await postForm(instance, "/auth/token", { grant_type: "refresh_token", refresh_token: "x" });
    expect([refresh.status, errorOf(refresh).message]).toEqual([400, expect.stringContaining("grant_type=password")]);
    const long = await postForm(instance, "/auth/token", { grant_type: "password", username: "x".repeat(9000) });
    expect([long.status, errorOf(long).message]).toEqual([400, "the form is longer than 8 KiB"]);
  });
});

describe("a token", () => {
  it("is good for no longer than it says and a little", async () => {
    const headers = await login(instance, { user: "alice", password: "canary-alice" });
    clock.skip(299_000);
    expect(await statusOf("ghcr.io/org/app", headers)).toBe(200);
    clock.skip(60_000);
    const reply = await instance.ask("/v2/ghcr.io/org/app/manifests/1", { headers });
    expect([reply.status, challengeOf(reply)["error"]]).toEqual([401, "invalid_token"]);
  });

  it("ends with the user's password in the file", async () => {
    const headers = await login(instance, { user: "alice", password: "canary-alice" });
    htpasswd.write({ alice: "another one", bob: "canary-bob" });
    clock.skip(1000);
    expect(await statusOf("ghcr.io/org/app", headers)).toBe(401);
    expect(await statusOf("ghcr.io/org/app", basic("alice", "canary-alice"))).toBe(401);
    expect(await statusOf("ghcr.io/org/app", basic("alice", "another one"))).toBe(200);
  });
});

describe("over plain http that is not on loopback", () => {
  const far = { "x-forwarded-proto": "http", "x-forwarded-host": "cache.example" };

  it("credentials are refused in words, and none are asked for", async () => {
    const sent = await instance.ask("/v2/ghcr.io/org/app/manifests/1", {
      headers: { ...far, ...basic("alice", "canary-alice") },
    });
    expect([sent.status, errorOf(sent).message]).toEqual([403, expect.stringContaining("allowPlaintext")]);
    const token = await instance.ask("/auth/token", { headers: { ...far, ...basic("alice", "canary-alice") } });
    expect(token.status).toBe(403);
    const ping = await instance.ask("/v2/", { headers: far });
    expect([ping.status, ping.headers["www-authenticate"]]).toEqual([403, undefined]);
    expect(await statusOf("library/hello", far)).toBe(200);
  });

  it("a proxy that ends TLS says what the realm must be", async () => {
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "cache.example:8443" };
    expect(challengeOf(await instance.ask("/v2/", { headers }))["realm"]).toBe("https://cache.example:8443/auth/token");
    expect(await statusOf("ghcr.io/org/app", { ...headers, ...basic("alice", "canary-alice") })).toBe(200);
  });
});

describe("a blob that only a manifest of the repository names", () => {
  it("is proven upstream first, since whoever may push a manifest may name any digest in it", async () => {
    const alice = basic("alice", "canary-alice");
    const bytes = seededBytes("shared", 2_000_000);
    const digest = upstream.pushBlob("library/alpine", bytes);
    upstream.pushImage("library/busybox", "2", { layers: [bytes] });
    upstream.removeBlob("library/busybox", digest);
    await instance.ask(`/v2/library/alpine/blobs/${digest}`, { headers: alice });
    await instance.settled();
    await instance.ask("/v2/library/busybox/manifests/2", { headers: alice });
    expect((await instance.ask(`/v2/library/busybox/blobs/${digest}`, { headers: alice })).status).toBe(404);
    upstream.pushBlob("library/alpine", bytes);
    expect((await instance.ask(`/v2/library/alpine/blobs/${digest}`, { headers: alice })).status).toBe(200);
  });
});
