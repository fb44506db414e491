import { describe, expect, it, onTestFinished } from "vitest";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { connect, repositoryName } from "./fixture.ts";

const repository = repositoryName("org/private");
const signal = new AbortController().signal;
const alice = { kind: "basic", username: "alice", password: "canary-alice" } as const;

async function start(): Promise<TestUpstream> {
  const upstream = await startUpstream({
    auth: {
      kind: "bearer",
      users: { alice: "canary-alice", bob: "canary-bob" },
      privateRepositories: { "org/private": ["alice"] },
    },
  });
  onTestFinished(() => upstream.close());
  return upstream;
}

describe("an upstream as a client sees it", () => {
  it("answers to the client's own credential, whose token no other client gets", async () => {
    const registry = await start();
    const digest = registry.pushBlob("org/private", Buffer.from("x"));
    const { upstream } = connect(registry.url);
    const seen = (id: string, credentials?: typeof alice) =>
      upstream.as({ id, credentials }).proveBlob(repository, digest, { signal });
    expect(await seen("a", alice)).toMatchObject({ present: true });
    await expect(seen("b", { ...alice, username: "bob", password: "canary-bob" } as never)).rejects.toMatchObject({
      kind: "unauthorized",
    });
    await expect(seen("anonymous")).rejects.toMatchObject({ kind: "unauthorized", isRefusal: true });
  });

  it("is its origin alone: a mirror is not asked, and sees no credential of a client", async () => {
    const [registry, mirror] = [await start(), await start()];
    for (const { content } of [registry, mirror]) content.pushBlob("org/private", Buffer.from("x"));
    const digest = mirror.pushBlob("org/private", Buffer.from("x"));
    const { upstream } = connect([registry.url, mirror.url]);
    await registry.stop();
    const view = upstream.as({ id: "a", credentials: alice });
    await expect(view.proveBlob(repository, digest, { signal })).rejects.toMatchObject({ kind: "unreachable" });
    expect(mirror.requests.entries).toEqual([]);
  });

  it("takes every refusal for one, that of the token service too", async () => {
    const registry = await start();
    const { upstream } = connect(registry.url);
    const view = upstream.as({ id: "wrong", credentials: { ...alice, password: "canary-wrong" } });
    await expect(view.listTags(repository, { signal })).rejects.toMatchObject({
      kind: "unauthorized",
      isRefusal: true,
    });
  });
});
