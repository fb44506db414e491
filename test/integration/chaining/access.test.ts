import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { basic, login } from "../../support/credentials.ts";
import { writeHtpasswd } from "../../support/htpasswd.ts";
import { startInstance, type Instance } from "../../support/instance.ts";
import { startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { name, of, startNode } from "./chain.ts";

const secrets = { alice: "canary-alice", bob: "canary-bob", house: "canary-house", node: "canary-node" };
const path = of("org/private/manifests/1");
const upstreamMode = { access: { mode: "upstream" } };

let registry: TestUpstream;
let started: Instance[] = [];

beforeEach(async () => {
  registry = await startUpstream({
    auth: { kind: "bearer", users: secrets, privateRepositories: { "org/private": ["alice", "house"] } },
  });
  registry.pushImage("org/private", "1");
});

afterEach(async () => {
  await Promise.all(started.map((instance) => instance.remove()));
  started = [];
  await registry.close();
});

async function start(...options: Parameters<typeof startNode>): Promise<Instance> {
  const instance = await startNode(...options);
  started.push(instance);
  return instance;
}

const status = async (instance: Instance, headers: Record<string, string>) =>
  (await instance.ask(path, { headers })).status;

describe("a client's own credential through caches in access.mode: upstream", () => {
  it("is shown to a trusted parent, which asks the registry with it, and serves each what the registry gives them", async () => {
    const parent = await start({ above: [registry.url], settings: upstreamMode });
    const node = await start({ above: [parent], trusted: true, settings: upstreamMode });
    expect(await status(node, basic("alice", secrets.alice))).toBe(200);
    expect(await status(node, basic("bob", secrets.bob))).toBe(401);
    expect(await status(node, {})).toBe(401);
    expect(await status(node, await login(node, { user: "alice", password: secrets.alice }))).toBe(200);
    expect(registry.requests.count({ kind: "manifest-digest", method: "GET", status: 200 })).toBe(1);
  });

  it("never reaches a parent that is not trusted: not in a header, not in its log; the registry is asked itself", async () => {
    const stranger = await startUpstream({ auth: { kind: "bearer", users: secrets } });
    stranger.pushImage("org/private", "1");
    const node = await start({
      above: [stranger, registry.url],
      settings: upstreamMode,
    });
    expect(await status(node, basic("alice", secrets.alice))).toBe(200);
    expect(await status(node, basic("bob", secrets.bob))).toBe(401);
    expect(stranger.requests.count()).toBe(0);
    await stranger.close();
  });

  it("does not go where a trusted parent redirects", async () => {
    const [parent, elsewhere] = [
      await startUpstream({ auth: { kind: "basic", users: secrets } }),
      await startUpstream({}),
    ];
    parent.misbehave({
      on: "any",
      temperament: temperaments.redirectTo(`${elsewhere.url}/v2/org/private/manifests/1`),
    });
    const node = await start({
      above: [parent],
      trusted: true,
      settings: upstreamMode,
      upstream: { redirects: { allowPrivate: true } },
    });
    await node.ask(path, { headers: basic("alice", secrets.alice) });
    expect(elsewhere.requests.count()).toBeGreaterThan(0);
    const heard = elsewhere.requests.entries.map(({ rawHeaders }) => rawHeaders.join("\n")).join("\n");
    expect(heard).not.toMatch(/authorization|canary|YWxpY2/i);
    await Promise.all([parent.close(), elsewhere.close()]);
  });

  it("is not asked for, nor shown, where the cache is open: the parent's own credentials bring it", async () => {
    const credentials = { username: "house", password: secrets.house };
    const parent = await start({ above: [registry.url], upstream: { credentials } });
    const node = await start({ above: [parent], trusted: true });
    expect(await status(node, basic("alice", secrets.alice))).toBe(200);
    const shown = registry.requests.entries.map(({ headers }) => headers.authorization ?? "").join(" ");
    expect(shown).not.toContain(Buffer.from(`alice:${secrets.alice}`).toString("base64"));
    expect(JSON.stringify([node.log, parent.log])).not.toMatch(/canary/);
  });
});

describe("the configured credentials", () => {
  it("of the upstream go to the registry when the parent is gone, and never to the parent", async () => {
    const stranger = await startUpstream({ auth: { kind: "bearer", users: secrets, allowsAnonymous: false } });
    const credentials = { username: "house", password: secrets.house };
    const node = await start({
      above: [stranger, registry.url],
      upstream: { credentials },
    });
    expect(await status(node, {})).toBe(200);
    const heard = stranger.requests.entries.map(({ headers }) => headers.authorization ?? "").join(" ");
    expect(heard).not.toContain(Buffer.from(`house:${secrets.house}`).toString("base64"));
    await stranger.close();
  });

  it("of the node let it in at a parent that has users of its own", async () => {
    const parent = await start({
      above: [registry.url],
      settings: { access: { mode: "basic", htpasswdFile: writeHtpasswd({ node: secrets.node }).file } },
      upstream: { credentials: { username: "house", password: secrets.house } },
    });
    const endpoint = {
      url: parent.url,
      addressing: "ns",
      credentials: { username: "node", password: secrets.node },
    };
    const node = await startInstance({ settings: { upstreams: { [name]: { endpoints: [endpoint] } } } });
    started.push(node);
    expect(await status(node, {})).toBe(200);
    const stranger = await start({ above: [parent] });
    expect(await status(stranger, {})).toBe(403);
  });
});
