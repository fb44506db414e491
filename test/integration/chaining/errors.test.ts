import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../../support/instance.ts";
import { errorOf } from "../../support/reply.ts";
import { startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { freePort, name, of, startNode } from "./chain.ts";

const path = of("org/app/manifests/1");
const settings = { limits: { attempts: 3, answerWithin: "5s" } };

let registry: TestUpstream;
let parent: Instance;
let node: Instance;

beforeEach(async () => {
  registry = await startUpstream({});
  parent = await startNode({ above: [registry.url], settings });
  node = await startNode({ above: [parent], settings });
});

afterEach(async () => {
  await node.remove();
  await parent.remove();
  await registry.close();
});

describe("an error of the parent", () => {
  it("is handed down with its code, its words and Retry-After: the registry's rate limit", async () => {
    registry.misbehave({ on: "any", temperament: temperaments.rateLimited(1800) });
    const [there, here] = [await parent.ask(path), await node.ask(path)];
    expect([here.status, errorOf(here).code, errorOf(here).message]).toEqual([
      503,
      "TOOMANYREQUESTS",
      errorOf(there).message,
    ]);
    expect(Number(here.headers["retry-after"])).toBeGreaterThan(1790);
    expect(errorOf(here).detail).toMatchObject({ upstream: name, reason: "rate-limited", status: 503 });
    expect(errorOf(here).detail?.["said"]).toContain(registry.host);
    expect(here.headers["cache-status"]).toBe("entrepot; detail=TOOMANYREQUESTS, entrepot; detail=TOOMANYREQUESTS");
  });

  it("is handed down to a HEAD too, which has no words", async () => {
    registry.misbehave({ on: "any", temperament: temperaments.rateLimited(1800) });
    const reply = await node.ask(path, { method: "HEAD" });
    expect([reply.status, reply.headers["cache-status"]]).toEqual([
      503,
      "entrepot; detail=TOOMANYREQUESTS, entrepot; detail=TOOMANYREQUESTS",
    ]);
    expect(Number(reply.headers["retry-after"])).toBeGreaterThan(1790);
  });

  it("tells that the registry is down, and not the parent, which is asked for other things", async () => {
    registry.pushImage("org/there", "1");
    await parent.ask(of("org/there/manifests/1"));
    await registry.stop();
    for (const repository of ["org/a", "org/b", "org/c", "org/d"]) {
      const reply = await node.ask(of(`${repository}/manifests/1`));
      expect([reply.status, errorOf(reply).message]).toEqual([502, `${name} cannot be reached`]);
    }
    expect((await node.ask(of("org/there/manifests/1"))).status).toBe(200);
    expect(await node.metric("entrepot_upstream_breaker_open")).toBe(0);
    expect(await parent.metric("entrepot_upstream_breaker_open")).toBe(1);
  });

  it("is not asked for again by every cache in the row: the registry hears each question as often as from one", async () => {
    registry.misbehave({ on: "any", temperament: temperaments.status(500) });
    const alone = await startNode({ above: [registry.url], settings });
    await alone.ask(of("org/alone/manifests/1"));
    const often = registry.requests.count();
    await node.ask(path);
    expect(registry.requests.count()).toBe(2 * often);
    await alone.remove();
  });

  it("is the registry's refusal", async () => {
    registry.misbehave({ on: "any", temperament: temperaments.denied() });
    const [there, here] = [await parent.ask(path), await node.ask(path)];
    expect([here.status, errorOf(here).code, errorOf(here).message]).toEqual([403, "DENIED", errorOf(there).message]);
  });

  it("is that it gives a repository to nobody: with its rule, to GET, HEAD and lists", async () => {
    const stranger = await startNode({ above: [registry.url], settings, upstream: { deny: ["org/**"] } });
    const child = await startNode({ above: [stranger], settings });
    for (const what of ["manifests/1", "tags/list", `manifests/sha256:${"a".repeat(64)}`]) {
      const reply = await child.ask(of(`org/app/${what}`));
      expect([reply.status, errorOf(reply).code]).toEqual([404, "NAME_UNKNOWN"]);
      expect(errorOf(reply).detail).toMatchObject({ policy: "upstreams.registry.test.deny: org/**" });
    }
    const head = await child.ask(path, { method: "HEAD" });
    expect(head.headers["cache-status"]).toBe("entrepot; detail=NAME_UNKNOWN, entrepot; detail=NAME_UNKNOWN");
    expect(registry.requests.count()).toBe(0);
    await child.remove();
    await stranger.remove();
  });

  it("is no absence where it does not know the registry: what is stored here is kept", async () => {
    registry.pushImage("org/app", "1");
    const listen = `127.0.0.1:${String(await freePort())}`;
    const knowing = await startNode({ above: [registry.url], settings: { ...settings, listen } });
    const tags = { freshFor: "0s", goneGrace: "0s", onDenied: "keep" };
    const child = await startNode({ above: [knowing], settings: { ...settings, tags } });
    await child.ask(path);
    await knowing.remove();
    const ignorant = await startInstance({ settings: { listen } });
    for (let count = 0; count < 3; count += 1) {
      const reply = await child.ask(path);
      expect([reply.status, reply.headers["cache-status"]]).toEqual([
        200,
        expect.stringContaining("detail=stale-upstream-denied") as string,
      ]);
    }
    const other = await child.ask(of("org/app/manifests/2"));
    expect(errorOf(other)).toMatchObject({ code: "NAME_UNKNOWN", detail: { registry: name } });
    await ignorant.remove();
    await child.remove();
  });

  it("is not handed down where it only looks like one: what is written in a registry's error goes nowhere", async () => {
    const secret = "words of a stranger";
    const body = JSON.stringify({ errors: [{ code: "UNAVAILABLE", message: secret }] });
    registry.misbehave({ on: "any", temperament: temperaments.status(502, body, "application/json") });
    const reply = await node.ask(path);
    expect(reply.status).toBe(502);
    expect(JSON.stringify([reply.body.toString(), node.log, parent.log])).not.toContain(secret);
  });
});

describe("a parent that is gone", () => {
  it("is passed by on the way to the registry, where that is configured", async () => {
    const { digest } = registry.pushImage("org/app", "1");
    const child = await startNode({ above: [parent, registry.url], settings });
    await parent.stop();
    const reply = await child.ask(path);
    expect([reply.status, reply.headers["docker-content-digest"], reply.headers["cache-status"]]).toEqual([
      200,
      digest,
      "entrepot; fwd=miss; stored",
    ]);
    for (const repository of ["org/a", "org/b", "org/c"]) await child.ask(of(`${repository}/manifests/1`));
    expect(await child.metric("entrepot_upstream_breaker_open", { endpoint: new URL(parent.url).host })).toBe(1);
    expect((await child.ask(of("org/app/tags/list"))).status).toBe(200);
    await child.remove();
  });

  it("leaves the node with what it has, and with words", async () => {
    registry.pushImage("org/app", "1");
    await node.ask(path);
    await parent.stop();
    expect((await node.ask(path)).status).toBe(200);
    const reply = await node.ask(of("org/app/manifests/2"));
    expect([reply.status, errorOf(reply).code]).toEqual([502, "UNAVAILABLE"]);
  });
});

describe("an answer that repeats what it was shown", () => {
  const secret = "canary-password-0d41";
  const body = JSON.stringify({
    errors: [{ code: "UNAVAILABLE", message: `you said ${secret}`, detail: { said: secret } }],
  });
  const headers = (detail: string) => ({ "cache-status": `entrepot; detail=${detail}` });

  it("is no parent's, from a registry, whatever it says it is: its words go nowhere", async () => {
    const echo = await startUpstream({});
    const repeating = temperaments.status(502, body, "application/json", headers("UNAVAILABLE"));
    echo.misbehave({ on: "any", temperament: repeating });
    const child = await startNode({ above: [echo.url], settings });
    const reply = await child.ask(path);
    expect([reply.status, errorOf(reply).message]).toEqual([502, `${name} gave an answer that cannot be used`]);
    expect(JSON.stringify([reply, child.log])).not.toContain(secret);
    await child.remove();
    await echo.close();
  });

  it("loses its words on the way down from a parent: in the body, the header and the log", async () => {
    const echo = await startUpstream({ auth: { kind: "basic", users: { node: secret } } });
    const child = await startInstance({
      settings: {
        ...settings,
        upstreams: {
          [name]: {
            endpoints: [{ url: echo.url, addressing: "ns", credentials: { username: "node", password: secret } }],
          },
        },
      },
    });
    for (const detail of ["UNAVAILABLE", secret]) {
      const repeating = temperaments.status(502, body, "application/json", headers(detail));
      const rule = echo.misbehave({ on: "any", temperament: repeating });
      const reply = await child.ask(of(`org/${detail.toLowerCase()}/manifests/1`));
      expect([reply.status, errorOf(reply).code]).toEqual([502, "UNAVAILABLE"]);
      expect(JSON.stringify([reply.headers, reply.body.toString(), child.log])).not.toContain(`you said`);
      expect(JSON.stringify(reply.headers)).not.toContain(secret);
      rule.stop();
    }
    await child.remove();
    await echo.close();
  });
});
