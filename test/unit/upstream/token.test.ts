import { describe, expect, it, onTestFinished } from "vitest";

import { createTokenStore, type Token, type TokenRequest } from "../../../src/upstream/authorization/token-store.ts";
import { createGate, startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");
const other = repositoryName("team/other");

function wanted(changes: Partial<TokenRequest> = {}): TokenRequest {
  return {
    realm: new URL("https://auth.test/token"),
    service: "s",
    scope: "repository:a:pull",
    credentials: undefined,
    credentialId: "none",
    isGuarded: false,
    ...changes,
  };
}

describe("the token store", () => {
  it("asks once for any number of waiters, and a waiter that leaves fails nobody else", async () => {
    let asked = 0;
    const { promise, resolve } = Promise.withResolvers<Token>();
    const store = createTokenStore({ request: () => ((asked += 1), promise) });
    const leaver = new AbortController();
    const waiters = [leaver.signal, unhurried().signal, unhurried().signal].map((signal) =>
      store.get(wanted(), undefined, signal),
    );
    leaver.abort("gone");
    await expect(waiters[0]).rejects.toBe("gone");
    resolve({ token: "t", expiresIn: 60 });
    expect(await Promise.all(waiters.slice(1))).toEqual([
      { token: "t", isFresh: true },
      { token: "t", isFresh: true },
    ]);
    expect(asked).toBe(1);
  });

  it("keeps a token until shortly before it expires", async () => {
    let now = 0;
    let asked = 0;
    const store = createTokenStore({
      request: () => Promise.resolve({ token: `t${(asked += 1)}`, expiresIn: 300 }),
      now: () => now,
    });
    const { signal } = unhurried();
    await store.get(wanted(), undefined, signal);
    now = 269_000;
    expect(await store.get(wanted(), undefined, signal)).toEqual({ token: "t1", isFresh: false });
    now = 271_000;
    expect(await store.get(wanted(), undefined, signal)).toEqual({ token: "t2", isFresh: true });
  });

  it("never returns a rejected token, and asks apart for each realm, service, scope and credential", async () => {
    let asked = 0;
    const store = createTokenStore({ request: () => Promise.resolve({ token: `t${(asked += 1)}`, expiresIn: 300 }) });
    const { signal } = unhurried();
    await store.get(wanted(), undefined, signal);
    expect(await store.get(wanted(), "t1", signal)).toEqual({ token: "t2", isFresh: true });
    for (const changes of [
      { realm: new URL("https://auth.test/other") },
      { service: undefined },
      { scope: "repository:b:pull" },
      { credentialId: "endpoint-0" },
    ]) {
      expect((await store.get(wanted(changes), undefined, signal)).isFresh).toBe(true);
    }
    expect(asked).toBe(6);
  });

  it("does not remember a failure", async () => {
    let asked = 0;
    const request = () => ((asked += 1), asked === 1 ? Promise.reject(new Error("down")) : Promise.resolve(good));
    const good: Token = { token: "t", expiresIn: 60 };
    const store = createTokenStore({ request });
    await expect(store.get(wanted(), undefined, unhurried().signal)).rejects.toThrow("down");
    expect((await store.get(wanted(), undefined, unhurried().signal)).token).toBe("t");
  });
});

async function start(auth: UpstreamOptions["auth"], more: UpstreamOptions = {}) {
  const registry = await startUpstream({ ...more, auth: { kind: "bearer", ...auth } });
  onTestFinished(() => registry.close());
  registry.pushImage(app, "1");
  registry.pushImage(other, "1");
  return registry;
}

describe("a bearer registry", () => {
  it("is asked for one token by many requests, and sent it at once from then on", async () => {
    const registry = await start({});
    const { upstream, reports } = connect(registry.url);
    const ask = () => upstream.getManifest(app, tagged("1"), unhurried());
    await Promise.all(Array.from({ length: 8 }, ask));
    expect(registry.requests.count({ kind: "token" })).toBe(1);
    const [token] = registry.requests.filter({ kind: "token" });
    expect(token?.query.getAll("scope")).toEqual(["repository:team/app:pull"]);
    expect(token?.headers.authorization).toBeUndefined();
    registry.requests.clear();
    await ask();
    expect(registry.requests.entries.map(({ kind, status }) => [kind, status])).toEqual([["manifest-tag", 200]]);
    expect(reports.tokens).toEqual([200]);
  });

  it("gets the credential as Basic at its token service, in either field of the answer", async () => {
    const registry = await start({
      users: { me: "pässword" },
      privateRepositories: { "team/app": ["me"] },
      tokenField: "access_token",
      expiresInSeconds: undefined,
    });
    const { upstream } = connect(registry.url, {
      credentials: { kind: "basic", username: "me", password: "pässword" },
    });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(registry.requests.filter({ kind: "manifest-tag" }).map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      "Bearer token-1-me",
    ]);
  });

  it("that no longer accepts a kept token is asked for a new one exactly once", async () => {
    const registry = await start({});
    const { upstream, reports } = connect(registry.url);
    await upstream.getManifest(app, tagged("1"), unhurried());
    registry.revokeTokens();
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.tokens).toHaveLength(2);

    registry.misbehave({ on: "manifest-tag", isBeforeAuth: true, temperament: temperaments.challengeLoop() });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", status: 401, isRefusal: true });
    expect(reports.tokens).toHaveLength(3);
  });

  it("refuses a private repository to be believed once its token service took our credential", async () => {
    const registry = await start({
      privateRepositories: { "team/app": ["other"] },
      deniedStatus: 403,
      isRepositoryBound: false,
    });
    const { upstream } = connect(registry.url);
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "denied", status: 403, isRefusal: true });
  });

  it.each([
    ["a 401", temperaments.status(401), "unauthorized", 401],
    ["a 403", temperaments.status(403), "unauthorized", 403],
    ["a 500", temperaments.status(500), "bad-response", 500],
    ["a 429", temperaments.rateLimited(9), "rate-limited", 429],
    ["a redirect", temperaments.redirectTo("/elsewhere"), "bad-response", 307],
    ["no JSON", temperaments.status(200, "<html>"), "bad-response", undefined],
    ["null", temperaments.status(200, "null"), "bad-response", undefined],
    ["an empty token", temperaments.status(200, '{"token":""}'), "bad-response", undefined],
    ["a token with a line end", temperaments.status(200, '{"token":"a\\r\\nx: y"}'), "bad-response", undefined],
    ["too much", temperaments.status(200, `{"token":"${"x".repeat(1024 * 1024)}"}`), "bad-response", undefined],
    ["silence", temperaments.silent(), "timeout", undefined],
    ["a reset", temperaments.reset(), "unreachable", undefined],
  ])("whose token service answers with %s never refuses", async (_, temperament, kind, status) => {
    const registry = await start({}, { tokenServer: "separate" });
    registry.misbehave({ on: "token", isBeforeAuth: true, temperament });
    const { upstream } = connect(registry.url, { limits: { headerTimeoutMs: 200 } });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind, status, isRefusal: false });
    expect(error.message).toContain("token service");
    expect(error.message).not.toContain("scope=");
  });

  it("waits for a token without holding up requests of other repositories", async () => {
    const registry = await start({});
    const { upstream } = connect(registry.url);
    await upstream.getManifest(other, tagged("1"), unhurried());
    const gate = createGate();
    registry.misbehave({ on: "token", isBeforeAuth: true, temperament: temperaments.gated(gate) });
    const waiting = upstream.getManifest(app, tagged("1"), unhurried());
    await registry.requests.waitFor({ kind: "token" }, 2);
    expect(await upstream.getManifest(other, tagged("1"), unhurried())).toBeDefined();
    gate.release();
    expect(await waiting).toBeDefined();
  });
});

describe("other ways in", () => {
  it("sends Basic where Basic is asked for, and at once from then on", async () => {
    const registry = await start({ kind: "basic", users: { me: "secret" } });
    const { upstream } = connect(registry.url, { credentials: { kind: "basic", username: "me", password: "secret" } });
    await upstream.getManifest(app, tagged("1"), unhurried());
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(registry.requests.entries.map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  it("takes wrong Basic credentials for what they are: no refusal, until another repository was answered", async () => {
    const registry = await start({ kind: "basic", users: { me: "secret" } });
    const credentials = { kind: "basic", username: "me", password: "wrong" } as const;
    const { upstream } = connect(registry.url, { credentials });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", status: 401, isRefusal: false });

    Object.assign(registry.authorization.settings.users, { me: "wrong" });
    await upstream.getManifest(other, tagged("1"), unhurried());
    registry.misbehave({ on: "any", repository: app, temperament: temperaments.denied() });
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({
      kind: "denied",
      isRefusal: true,
    });
  });

  it("sends a configured token to the registry itself, and never to a token service", async () => {
    const registry = await start({});
    const { upstream } = connect(registry.url, { credentials: { kind: "bearer", token: "fixed" } });
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({
      kind: "unauthorized",
    });
    expect(registry.requests.entries.map(({ kind, headers }) => [kind, headers.authorization])).toEqual([
      ["manifest-tag", "Bearer fixed"],
    ]);
  });
});
