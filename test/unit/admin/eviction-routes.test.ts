import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { askAdmin, askWithToken, fakeOperations, problem } from "./admin-server.ts";
import { alpine, digestOf, goneExplanation, rfc3339, someEviction, someExplanation } from "./reports.ts";

const alpineName = { upstream: "docker.io", repository: "library/alpine", reference: { kind: "tag", tag: "3" } };

describe("GET /api/v1/explain", () => {
  const explain = () => Promise.resolve(someExplanation);

  it("explains an image, in RFC 3339 and with null for what is not known", async () => {
    const { status, headers, json, asked } = await askWithToken({ explain }, `/explain?subject=docker.io/alpine:3`);
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("no-store");
    expect(asked).toEqual([["explain", alpineName]]);
    expect(json).toEqual({
      ...someExplanation,
      subject: alpine,
      neededBy: [{ ...someExplanation.neededBy[0], platform: null }],
      platforms: [someExplanation.platforms[0], { ...someExplanation.platforms[1], platform: null }],
      leasedUntil: rfc3339,
      firstFetchedAt: rfc3339,
      lastPulledAt: rfc3339,
      lastVerifiedAt: null,
      departures: [{ ...someExplanation.departures[0], image: null, at: rfc3339 }],
    });
  });

  it("explains a digest that has left", async () => {
    const gone = () => Promise.resolve(goneExplanation);
    const { json, asked } = await askWithToken({ explain: gone }, `/explain?subject=${digestOf("a")}`);
    expect(asked).toEqual([["explain", digestOf("a")]]);
    expect(json).toMatchObject({ subject: digestOf("a"), state: "absent", size: null, queue: null, leasedUntil: null });
  });

  it("answers 404 for what it has never heard of", async () => {
    const { json } = await askWithToken({ explain: () => Promise.resolve(undefined) }, `/explain?subject=${alpine}`);
    expect(json).toMatchObject(problem(404, `${alpine} is not here, and never was`));
  });

  it("is free on loopback", async () => {
    const operations = fakeOperations({ explain });
    expect((await askAdmin({ operations }, `/api/v1/explain?subject=${alpine}`)).status).toBe(200);
  });

  it.each([
    ["", "subject is missing"],
    ["?subject=", "subject must be text such as"],
    ["?subject=alpine", "write for instance docker.io/library/alpine:latest"],
    ["?subject=sha256:abc", "subject is not a digest"],
    ["?subjekt=a", '"subjekt", which means nothing here: possible are subject'],
    ["?subject=a&subject=b", '"subject" is given more than once'],
  ])("says what is wrong with %j", async (query, words) => {
    const { json, asked } = await askWithToken({ explain }, `/explain${query}`);
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });
});

describe("GET /api/v1/eviction/plan", () => {
  it("says what would go", async () => {
    const { status, json, asked } = await askWithToken(
      { plan: () => Promise.resolve(someEviction) },
      "/eviction/plan?freeBytes=3221225472",
    );
    expect(status).toBe(200);
    expect(asked).toEqual([["plan", 3_221_225_472]]);
    expect(json).toEqual({
      ...someEviction,
      victims: someEviction.victims.map((victim) => ({ ...victim, lastPulledAt: rfc3339 })),
    });
  });

  it.each(["", "?freeBytes=", "?freeBytes=0", "?freeBytes=-1", "?freeBytes=1.5", "?freeBytes=20GiB", "?freeBytes=1e9"])(
    "refuses %j in words",
    async (query) => {
      const { json } = await askWithToken({}, `/eviction/plan${query}`);
      expect(json).toMatchObject(problem(400, "freeBytes must be a whole number of bytes above 0"));
    },
  );

  it("refuses more bytes than can be counted", async () => {
    expect((await askWithToken({}, "/eviction/plan?freeBytes=9007199254740993")).status).toBe(400);
  });
});

describe("POST /api/v1/evict", () => {
  const method = "POST";

  it("makes room", async () => {
    const evictBytes = () => Promise.resolve(someEviction);
    const { status, json, asked } = await askWithToken({ evictBytes }, "/evict", { method, body: { freeBytes: 5 } });
    expect(status).toBe(200);
    expect(json).toMatchObject({ freedBytes: someEviction.freedBytes });
    expect(asked).toEqual([["evictBytes", 5]]);
  });

  it("changes nothing in a dry run", async () => {
    const body = { freeBytes: 5, dryRun: true };
    const { asked } = await askWithToken({ plan: () => Promise.resolve(someEviction) }, "/evict", { method, body });
    expect(asked).toEqual([["plan", 5]]);
  });

  it.each([
    [{ image: alpine }, false],
    [{ image: alpine, dryRun: true }, true],
  ])("lets one image go: %j", async (body, dryRun) => {
    const evictImage = () => Promise.resolve(someEviction);
    const { status, asked } = await askWithToken({ evictImage }, "/evict", { method, body });
    expect(status).toBe(200);
    expect(asked).toEqual([["evictImage", alpineName, dryRun]]);
  });

  it("answers 404 for an image that is not here", async () => {
    const evictImage = () => Promise.resolve("absent" as const);
    const { json } = await askWithToken({ evictImage }, "/evict", { method, body: { image: alpine } });
    expect(json).toMatchObject(problem(404, `${alpine} is not here`));
  });

  it("passes on in words why it is refused", async () => {
    const evictImage = () => Promise.reject(new OperationRefused(409, "pinned by docker.io/library/alpine:*"));
    const { headers, json } = await askWithToken({ evictImage }, "/evict", { method, body: { image: alpine } });
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(json).toEqual({
      type: "about:blank",
      title: "Conflict",
      status: 409,
      detail: "pinned by docker.io/library/alpine:*",
    });
  });

  it.each([
    [undefined, "say either image, to evict one, or freeBytes"],
    [{}, "say either image, to evict one, or freeBytes"],
    [{ dryRun: true }, "say either image"],
    [{ image: alpine, freeBytes: 5 }, "say either image"],
    [{ image: 5 }, "image must be text such as docker.io/library/alpine:3"],
    [{ image: null }, "image must be text"],
    [{ image: "docker.io/library/alpine" }, "has neither a tag nor a digest"],
    [{ image: "docker.io/library/alpine:*" }, "is a pattern"],
    [{ freeBytes: "5" }, "freeBytes must be a whole number"],
    [{ freeBytes: 1.5 }, "freeBytes must be a whole number"],
    [{ freeBytes: 2 ** 53 }, "freeBytes must be a whole number"],
    [{ freeBytes: 5, dryRun: "yes" }, "dryRun must be true or false"],
    [{ freeBytes: 5, dry: true }, '"dry", which means nothing here: possible are image, freeBytes, dryRun'],
  ])("refuses %j in words, and does nothing", async (body, words) => {
    const { json, asked } = await askWithToken({}, "/evict", { method, body });
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });

  it("is not confused by the name of a prototype", async () => {
    const question = {
      method,
      headers: { authorization: "Bearer the-token", "content-type": "application/json" },
      body: '{"__proto__": {"freeBytes": 5}}',
    };
    const { status, body } = await askAdmin({}, "/api/v1/evict", question);
    expect(status).toBe(400);
    expect(body).toContain("means nothing here");
  });
});
