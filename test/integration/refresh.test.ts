import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RefreshDocument } from "../../src/admin/index.ts";
import { ApiRefused } from "../support/admin-api.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { startUpstream, temperaments, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const image = `docker.io/${repository}:1`;

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

beforeEach(async () => {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  instance = await startInstance({
    clock,
    settings: {
      limits: { attempts: 1 },
      tags: { freshFor: "1h", patterns: [{ match: "held*", cooldown: "3d" }] },
      upstreams: { "docker.io": { endpoints: [upstream.url], deny: ["library/secret"] } },
    },
  });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function push(tag: string, size: number): PushedImage {
  return upstream.pushImage(repository, tag, { layers: [size] });
}

function refresh(name = image): Promise<RefreshDocument> {
  return apiOf(instance).refresh(name);
}

async function refusalOf(name?: string): Promise<ApiRefused> {
  const refused: unknown = await refresh(name).catch((error: unknown) => error);
  if (refused instanceof ApiRefused) return refused;
  throw new Error("it was not refused", { cause: refused });
}

describe("POST /api/v1/refresh", () => {
  it("asks the upstream although the tag is fresh, with a HEAD only where nothing has moved", async () => {
    const { digest } = push("1", 1000);
    await pull(instance, repository, "1");
    upstream.requests.clear();
    expect(await refresh()).toEqual({ image, before: digest, after: digest, outcome: "unchanged", detail: null });
    expect(upstream.requests.entries.map(({ method, kind }) => `${method} ${kind}`)).toEqual(["HEAD manifest-tag"]);
  });

  it("fetches what the tag names now, so that the next pull has it without asking", async () => {
    const first = push("1", 1000);
    await pull(instance, repository, "1");
    const second = push("1", 2000);
    const moved = { image, before: first.digest, after: second.digest, outcome: "moved", detail: null };
    expect(await refresh()).toEqual(moved);
    upstream.requests.clear();
    const reply = await instance.ask(`/v2/${repository}/manifests/1`);
    expect([reply.headers["docker-content-digest"], upstream.requests.count()]).toEqual([second.digest, 0]);
  });

  it("fetches a tag that was not here", async () => {
    const { digest } = push("1", 1000);
    expect(await refresh()).toMatchObject({ before: null, after: digest, outcome: "filled" });
    expect(upstream.requests.count({ kind: "manifest-tag", method: "GET" })).toBe(1);
  });

  it("says that a tag is nowhere", async () => {
    push("2", 1000);
    expect(await refresh()).toMatchObject({ before: null, after: null, outcome: "absent" });
  });

  it("keeps what the upstream no longer has, as long as the policy says", async () => {
    const { digest } = push("1", 1000);
    await pull(instance, repository, "1");
    upstream.removeTag(repository, "1");
    const kept = await refresh();
    expect(kept).toMatchObject({ before: digest, after: digest, outcome: "kept" });
    expect(kept.detail).toContain("does not have it any more");
    expect((await instance.ask(`/v2/${repository}/manifests/1`)).status).toBe(200);
    clock.skip(11 * 60_000);
    expect(await refresh()).toMatchObject({ before: digest, after: null, outcome: "absent" });
  });

  it("does not undo a cooldown, nor a rollback", async () => {
    const first = push("held", 1000);
    await pull(instance, repository, "held");
    push("held", 2000);
    const name = `docker.io/${repository}:held`;
    expect(await refresh(name)).toMatchObject({
      after: first.digest,
      outcome: "kept",
      detail: expect.stringContaining("cooldown") as string,
    });
    await apiOf(instance).rollback(name, first.digest);
    upstream.requests.clear();
    expect(await refresh(name)).toMatchObject({
      after: first.digest,
      outcome: "kept",
      detail: expect.stringContaining("rolled back") as string,
    });
    expect(upstream.requests.count()).toBe(0);
  });

  it("fails in words where the upstream fails, and loses nothing", async () => {
    const { digest } = push("1", 1000);
    await pull(instance, repository, "1");
    upstream.misbehave({ on: "any", temperament: temperaments.status(500) });
    expect(await refusalOf()).toMatchObject({ status: 502, message: expect.stringContaining("docker.io") as string });
    upstream.behave();
    upstream.misbehave({ on: "any", temperament: temperaments.rateLimited(30) });
    expect(await refusalOf()).toMatchObject({ status: 503 });
    await upstream.stop();
    expect((await refusalOf()).message).toMatch(/docker\.io/);
    const reply = await instance.ask(`/v2/${repository}/manifests/1`);
    expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, digest]);
  });

  it("takes the refusal of our credentials for the failure of the upstream, not of who asks", async () => {
    push("1", 1000);
    upstream.misbehave({ on: "any", temperament: temperaments.denied() });
    expect(await refusalOf()).toMatchObject({ status: 502 });
  });

  it("refuses what is not served here, and digests, without asking anybody", async () => {
    const denied = await refusalOf("docker.io/library/secret:1");
    expect([denied.status, denied.message]).toEqual([404, expect.stringContaining("upstreams.docker.io.deny")]);
    expect((await refusalOf("registry.example/a:1")).status).toBe(404);
    expect((await refusalOf(`docker.io/${repository}@sha256:${"a".repeat(64)}`)).status).toBe(400);
    expect(upstream.requests.count()).toBe(0);
  });
});
