import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Target } from "../../bench/compare/load/protocol.ts";
import { makeOffer } from "../../bench/compare/load/offer.ts";
import { makeRush } from "../../bench/compare/load/rush.ts";
import { seededBlob, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";

let upstream: TestUpstream;

beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

const repository = "library/load";

function targetOf(bytes: number, method: Target["method"] = "GET"): Target {
  const digest = upstream.pushBlob(repository, seededBlob(bytes, bytes));
  return { method, path: `/v2/${repository}/blobs/${digest}`, bytes, kind: "blobs" };
}

function offerOf(targets: Target[], order: number[]): Parameters<typeof makeOffer>[0] {
  return { url: upstream.url, targets, order, connections: 3, seconds: 0.2, settleSeconds: 0 };
}

describe("an offer of requests", () => {
  it("is made in its order, bodies of any size and HEAD among them", async () => {
    const targets = [targetOf(0), targetOf(700_000), targetOf(5000, "HEAD")];
    const taken = await makeOffer({ ...offerOf(targets, [2, 1, 0]), connections: 1 });
    expect(taken.errors).toEqual({ count: 0, words: [] });
    const asked = upstream.requests.filter().map(({ method, path }) => `${method} ${path}`);
    const expected = [2, 1, 0].map((place) => `${String(targets[place]?.method)} ${String(targets[place]?.path)}`);
    expect(asked).toEqual(asked.map((_, place) => expected[place % expected.length]));
    expect(taken.requests).toBe(asked.length);
    expect(taken.latenciesMs["blobs"]).toHaveLength(asked.length);
    expect(taken.bytes).toBe(upstream.requests.bytes());
  });

  it("makes no more requests than its rate allows", async () => {
    const taken = await makeOffer({ ...offerOf([targetOf(10)], [0]), ratePerSecond: 50 });
    expect(taken.requests).toBeGreaterThan(0);
    expect(taken.requests).toBeLessThanOrEqual(taken.seconds * 50);
  });

  it("tells what was answered with another status or another size", async () => {
    const target = targetOf(10);
    const wrong = [
      { ...target, bytes: 11 },
      { ...target, path: `/v2/${repository}/blobs/sha256:${"0".repeat(64)}` },
    ];
    const taken = await makeOffer(offerOf(wrong, [0, 1]));
    expect(taken.requests).toBe(0);
    expect(taken.errors.count).toBe(upstream.requests.count());
    expect(taken.errors.words[0]).toContain("10 of 11 bytes");
    expect(taken.errors.words).toContainEqual(expect.stringContaining(": 404"));
  });

  it("counts what is cut short as an error, and ends", async () => {
    upstream.misbehave({ on: "blob", temperament: temperaments.truncate(5) });
    const taken = await makeOffer(offerOf([targetOf(10)], [0]));
    expect(taken.requests).toBe(0);
    expect(taken.errors.count).toBeGreaterThan(0);
  });
});

describe("a rush on one blob", () => {
  it("gives each client the digest of what it was given", async () => {
    const { path } = targetOf(300_000);
    const pulls = await makeRush({ url: upstream.url, path, clients: 4, isHashed: true });
    expect(
      pulls.map(({ status, bytes, digest }) => ({ status, bytes, path: `/v2/${repository}/blobs/${String(digest)}` })),
    ).toEqual(Array.from({ length: 4 }, () => ({ status: 200, bytes: 300_000, path })));
    expect(upstream.requests.count({ kind: "blob" })).toBe(4);
  });

  it("fails where a client is left without the rest", async () => {
    const { path } = targetOf(300_000);
    upstream.misbehave({ on: "blob", temperament: temperaments.truncate(5) });
    await expect(makeRush({ url: upstream.url, path, clients: 2, isHashed: true })).rejects.toThrow("closed");
  });
});
