import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { createConnector, ForbiddenAddress } from "../../../src/upstream/connection/connector.ts";
import { startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");
const { names } = vi.hoisted(() => ({ names: new Map<string, { address: string; family: number }[]>() }));

vi.mock(import("node:dns"), async (original) => {
  const dns = await original();
  const lookup = ((name: string, options: object, callback: (...result: unknown[]) => void) => {
    const known = names.get(name);
    if (known) callback(null, known);
    else dns.lookup(name, options, callback);
  }) as typeof dns.lookup;
  return { ...dns, lookup, default: { ...dns, lookup } };
});

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  return registry;
}

describe("a redirect", () => {
  it("to a private address is refused before any connection, unless it is allowed", async () => {
    const registry = await start({ redirect: { manifests: true } });
    registry.pushImage(app, "1");
    const { upstream } = connect(registry.url, { allowPrivateRedirects: false });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error.kind).toBe("bad-response");
    expect(error.message).toMatch(/^a redirect to 127\.0\.0\.1:\d+ is refused/);
    expect(registry.cdn.requests.count()).toBe(0);
  });

  it("to a name with a private address is refused in the lookup of the connection", async () => {
    const registry = await start();
    registry.pushImage(app, "1");
    names.set("rebound.test", [{ address: "127.0.0.1", family: 4 }]);
    registry.misbehave({
      on: "any",
      when: ({ headers }) => headers.host !== `rebound.test:${registry.port}`,
      temperament: temperaments.redirectTo(`http://rebound.test:${registry.port}/v2/team/app/manifests/1`),
    });
    const guarded = connect(registry.url, { allowPrivateRedirects: false }).upstream;
    expect((await failureOf(guarded.getManifest(app, tagged("1"), unhurried()))).message).toContain("is refused");
    expect(registry.requests.count()).toBe(1);
  });

  it("to a literal private address is not handed to a proxy either", async () => {
    const proxy = await start();
    proxy.misbehave({ on: "any", temperament: temperaments.redirectTo("http://169.254.169.254/latest/meta-data") });
    const { upstream } = connect("http://registry.invalid", { proxy: proxy.url, allowPrivateRedirects: false });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error.message).toContain("a redirect to 169.254.169.254 is refused");
    expect(proxy.requests.count()).toBe(1);
  });

  it("to another endpoint of the configuration may be private", async () => {
    const [origin, mirror] = [await start(), await start()];
    mirror.pushImage(app, "1");
    origin.misbehave({ on: "any", temperament: temperaments.redirectTo(`${mirror.url}/v2/team/app/manifests/1`) });
    const { upstream } = connect([origin.url, mirror.url], { allowPrivateRedirects: false });
    expect((await upstream.getManifest(app, tagged("1"), unhurried()))?.isFromOrigin).toBe(true);
  });

  it("on the same origin is relative to it and keeps the credential", async () => {
    const registry = await start({ auth: { kind: "basic", users: { me: "secret" } } });
    registry.pushImage(app, "1");
    registry.misbehave({ on: "any", times: 1, temperament: temperaments.redirectTo("1?again=1") });
    const { upstream } = connect(registry.url, {
      credentials: { kind: "basic", username: "me", password: "secret" },
      allowPrivateRedirects: false,
    });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(registry.requests.entries.map(({ status }) => status)).toEqual([401, 307, 200]);
  });

  it("back from another origin does not bring the credential back", async () => {
    const registry = await start({ auth: { kind: "basic", users: { me: "secret" } }, redirect: { manifests: true } });
    registry.pushImage(app, "1");
    registry.misbehave({ on: "cdn", temperament: temperaments.redirectTo(`${registry.url}/v2/team/app/manifests/1`) });
    const { upstream } = connect(registry.url, { credentials: { kind: "basic", username: "me", password: "secret" } });
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    const sent = registry.requests.entries.map(({ headers }) => headers.authorization !== undefined);
    expect(sent.slice(0, 4)).toEqual([false, true, false, false]);
  });

  it("is followed five times and no further", async () => {
    const registry = await start();
    registry.pushImage(app, "1");
    const { upstream } = connect(registry.url);
    registry.misbehave({ on: "any", times: 5, temperament: temperaments.redirectLoop() });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    registry.misbehave({ on: "any", times: 6, temperament: temperaments.redirectLoop() });
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({
      kind: "bad-response",
    });
    expect(registry.requests.count()).toBe(12);
  });

  it("whose target refuses is not the registry's refusal, and keeps its signature to itself", async () => {
    const registry = await start({ redirect: { manifests: true } });
    registry.pushImage(app, "1");
    registry.misbehave({ on: "cdn", temperament: temperaments.denied() });
    const { upstream } = connect(registry.url);
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "bad-response", status: 403, isRefusal: false });
    expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain("Signature=");
  });
});

describe("a guarded connection", () => {
  const open = (hostname: string, port: number) =>
    new Promise<Error | undefined>((resolve) => {
      const connector = createConnector({ isGuarded: true, trust: undefined, connectTimeoutMs: 500 });
      connector({ hostname, host: `${hostname}:${port}`, protocol: "http:", port: String(port) }, (error, socket) => {
        socket?.destroy();
        resolve(error ?? undefined);
      });
    });

  it("is not even begun to a name with private addresses only", async () => {
    names.set("private.test", [
      { address: "127.0.0.1", family: 4 },
      { address: "::ffff:127.0.0.1", family: 6 },
    ]);
    let connections = 0;
    const server = createServer(() => (connections += 1));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    expect(await open("private.test", (server.address() as AddressInfo).port)).toBeInstanceOf(ForbiddenAddress);
    expect(connections).toBe(0);
  });

  it("is closed where the address reached is private, whatever was checked before", async () => {
    const registry = await start();
    expect(await open("127.0.0.1", registry.port)).toBeInstanceOf(ForbiddenAddress);
    expect(registry.requests.count()).toBe(0);
  });
});
