import { describe, expect, it, onTestFinished } from "vitest";
import { digestOf } from "../../../src/oci/index.ts";
import { startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { connect, openGate, pseudonym, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("org/app");
type Addressing = "ns" | "path" | "plain";

async function start(): Promise<TestUpstream> {
  const upstream = await startUpstream({});
  onTestFinished(() => upstream.close());
  return upstream;
}

const at = ({ url }: TestUpstream, addressing: Addressing, isTrusted = false) => ({
  url,
  parent: { addressing, isTrusted },
});
const asked = ({ requests }: TestUpstream): string[] =>
  requests.entries.map(({ method, path, query }) => `${method} ${path}${query.size > 0 ? `?${query.toString()}` : ""}`);

describe("a parent cache", () => {
  it.each([
    ["ns", "registry.test:5443", "/v2/org/app/manifests/1?ns=registry.test%3A5443"],
    ["path", "registry.test:5443", "/v2/registry.test_5443/org/app/manifests/1"],
    ["path", "docker.io", "/v2/docker.io/org/app/manifests/1"],
    ["plain", "docker.io", "/v2/org/app/manifests/1"],
  ] as const)("is told by %s that %s is meant", async (addressing, name, path) => {
    const parent = await start();
    const { upstream } = connect([at(parent, addressing)], { name });
    await upstream.headManifest(app, tagged("1"), unhurried());
    expect(asked(parent)).toEqual([`HEAD ${path}`]);
  });

  it("is told so with every kind of question, and on every page of a list", async () => {
    const parent = await start();
    parent.settings.tagsPaging = { pageSize: 1 };
    parent.pushImage("org/app", "a");
    const image = parent.pushImage("org/app", "b");
    const { upstream } = connect([at(parent, "ns")]);
    await upstream.listTags(app, unhurried());
    await upstream.listReferrers(app, image.digest, unhurried());
    await upstream.proveBlob(app, image.digest, unhurried());
    const body = await upstream.openBlob(app, image.layers[0]?.digest ?? image.digest, { from: 1 }, unhurried());
    await body?.chunks[Symbol.asyncIterator]().return?.();
    expect(parent.requests.entries.map(({ kind }) => kind)).toEqual(["tags", "tags", "referrers", "blob", "blob"]);
    expect(parent.requests.entries.map(({ query }) => query.get("ns"))).toEqual(
      parent.requests.entries.map(() => "registry.test"),
    );
  });

  it("speaks for the registry: what it does not have nobody else is asked for", async () => {
    const [parent, registry] = [await start(), await start()];
    registry.pushImage("org/app", "1");
    const { upstream } = connect([at(parent, "plain"), registry.url]);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeUndefined();
    expect(registry.requests.count()).toBe(0);
  });

  it("that is down is passed by, and the registry behind it is still the origin", async () => {
    const [parent, registry] = [await start(), await start()];
    await parent.stop();
    const { digest } = registry.pushImage("org/app", "1");
    const { upstream, reports } = connect([at(parent, "ns"), registry.url]);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({ digest, isFromOrigin: true });
    expect(asked(registry)).toEqual(["GET /v2/org/app/manifests/1"]);
    expect(reports.pulls).toBe(1);
  });

  it("that does not let us in is passed by", async () => {
    const [parent, registry] = [await start(), await start()];
    parent.misbehave({ on: "any", temperament: temperaments.unauthorized() });
    const { digest } = registry.pushImage("org/app", "1");
    const { upstream } = connect([at(parent, "plain"), registry.url]);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({ digest });
  });

  it("is not counted as a pull from the registry", async () => {
    const parent = await start();
    parent.pushImage("org/app", "1");
    const { upstream, reports } = connect([at(parent, "plain")]);
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(reports.pulls).toBe(0);
  });

  it("hears `no-cache` where that is wanted, and a registry never does", async () => {
    const [parent, registry] = [await start(), await start()];
    parent.misbehave({ on: "any", temperament: temperaments.status(500) });
    const { upstream } = connect([at(parent, "plain"), registry.url]);
    await upstream.headManifest(app, tagged("1"), { ...unhurried(), mustRevalidate: true });
    await upstream.headManifest(app, tagged("2"), unhurried());
    const heard = (one: TestUpstream) => one.requests.entries.map(({ headers }) => headers["cache-control"]);
    expect(heard(parent)).toEqual(["no-cache", undefined]);
    expect(heard(registry)).toEqual([undefined, undefined]);
  });

  it("takes no pushes: they go to the registry", async () => {
    const [parent, registry] = [await start(), await start()];
    const endpoints = [at(parent, "ns"), { url: registry.url }];
    const { gate } = openGate(registry.url, { endpoints });
    expect(gate.home("org/app/blobs/uploads/").url.href).toBe(`${registry.url}/v2/org/app/blobs/uploads/`);
  });
});

describe("what a question has come through", () => {
  it("is told to whoever is asked, with ourselves at its end", async () => {
    const registry = await start();
    const { upstream } = connect(registry.url);
    const via = ["entrepot-00000000000000aa"];
    await upstream.headManifest(app, tagged("1"), { ...unhurried(), via });
    await upstream.listTags(app, unhurried());
    expect(registry.requests.entries.map(({ headers }) => headers.via)).toEqual([
      `1.1 entrepot-00000000000000aa, 1.1 ${pseudonym}`,
      `1.1 ${pseudonym}`,
    ]);
  });

  it("is not told to where a blob is redirected", async () => {
    const registry = await startUpstream({ redirect: {} });
    onTestFinished(() => registry.close());
    const digest = registry.pushBlob("org/app", Buffer.from("a blob"));
    const { upstream } = connect(registry.url);
    await upstream.openBlob(app, digest, { from: 0 }, unhurried());
    expect(registry.cdn.requests.entries.map(({ headers }) => headers.via)).toEqual([undefined]);
  });
});

describe("a client's own credential", () => {
  const client = { id: "c", credentials: { kind: "basic", username: "ann", password: "secret" } } as const;
  const guarded = () => startUpstream({ auth: { kind: "basic", users: { ann: "secret" } } });

  it("is shown to a parent that is trusted, and to the registry where that one is down", async () => {
    const [parent, registry] = [await guarded(), await guarded()];
    onTestFinished(() => parent.close());
    onTestFinished(() => registry.close());
    const { digest } = registry.pushImage("org/app", "1");
    parent.pushImage("org/app", "1");
    const { upstream } = connect([at(parent, "ns", true), registry.url]);
    expect(await upstream.as(client).getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(registry.requests.count()).toBe(0);
    await parent.stop();
    expect(await upstream.as(client).getManifest(app, tagged("1"), unhurried())).toMatchObject({ digest });
  });

  it("is never shown to another one: the registry itself is asked", async () => {
    const [parent, registry] = [await guarded(), await guarded()];
    onTestFinished(() => parent.close());
    onTestFinished(() => registry.close());
    registry.pushImage("org/app", "1");
    const { upstream } = connect([at(parent, "ns"), registry.url]);
    expect(await upstream.as(client).getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(await upstream.as(client).proveBlob(app, digestOf(Buffer.from("")), unhurried())).toEqual({
      present: false,
    });
    expect(parent.requests.count()).toBe(0);
  });

  it("does not follow a trusted parent's redirect", async () => {
    const [parent, elsewhere] = [await guarded(), await start()];
    onTestFinished(() => parent.close());
    parent.misbehave({ on: "blob", temperament: temperaments.redirectTo(`${elsewhere.url}/v2/org/app/blobs/x`) });
    const { upstream } = connect([at(parent, "ns", true)]);
    const blob = digestOf(Buffer.from("a blob"));
    await upstream.as(client).openBlob(app, blob, { from: 0 }, unhurried());
    expect(elsewhere.requests.entries.map(({ headers }) => [headers.authorization, headers.via])).toEqual([
      [undefined, undefined],
    ]);
  });
});
