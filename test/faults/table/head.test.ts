import { describe, expect, it } from "vitest";
import type { Reply } from "../../support/instance.ts";
import { temperaments as t, type Temperament } from "../../upstream/index.ts";
import { flightsEnded, isStored, upstreamName, useBench, type Bench } from "./bench.ts";
import { blobOf, manifestByDigest, manifestByTag, smallBytes, type Target } from "./targets.ts";

const bench = useBench({
  upstream: { auth: { kind: "bearer", refusesHeadOf: ["blob"] } },
  settings: { redirects: { allowPrivate: true } },
});
const cdnBench = useBench({
  upstream: { redirect: { refusesHead: true } },
  settings: { redirects: { allowPrivate: true } },
});

function head({ instance }: Bench, path: string): Promise<Reply> {
  return instance.ask(path, { method: "HEAD" });
}

/** Method, kind and status of all requests, tokens left out. */
function asked({ upstream }: Bench): string[] {
  const requests = upstream.requests.filter(({ kind, isRefused }) => kind !== "token" && !isRefused);
  return requests.map(({ method, kind, status }) => `${method} ${kind} ${status}`);
}

const manifests: [string, Target][] = [
  ["by tag", manifestByTag],
  ["by digest", manifestByDigest],
];

describe.each(manifests)("HEAD of a manifest %s", (_, target) => {
  const unhelpful: [string, Temperament][] = [
    ["answers HEAD with 405", t.status(405)],
    ["answers HEAD with 501", t.status(501)],
    ["names no digest", t.noDigest()],
    ["says that it has no bytes", t.headers({ "content-length": "0" })],
    ["names no length", t.headers({}, ["content-length"])],
    ["names no type", t.noContentType()],
    ["names a generic type", t.wrongContentType("application/json")],
  ];
  it.each(unhelpful)("is answered from a GET, which is kept, when the upstream %s", async (_title, temperament) => {
    const { upstream, instance } = bench();
    const { path, digest, bytes, repository } = await target(bench());
    upstream.requests.clear();
    const rule = upstream.misbehave({ on: "any", repository, method: "HEAD", temperament });
    const reply = await head(bench(), path);
    rule.stop();
    expect([reply.status, reply.headers["docker-content-digest"], reply.headers["content-length"]]).toEqual([
      200,
      digest,
      String(bytes.length),
    ]);
    expect([reply.headers["content-type"], reply.body.length]).toEqual([
      "application/vnd.oci.image.manifest.v1+json",
      0,
    ]);
    expect(asked(bench()).map((line) => line.split(" ")[0])).toEqual(["HEAD", "GET"]);
    const body = await instance.ask(path);
    expect([body.body.equals(bytes), asked(bench()).length]).toEqual([true, 2]);
  });

  // Three attempts, and a reset of a kept connection is tried again on a new one besides; a refusal of HEAD says too
  // little, so GET is asked.
  const failing: [number, string, Temperament, number][] = [
    [504, "is silent", t.silent(), 1],
    [502, "resets the connection", t.reset(), 4],
    [502, "answers 500", t.status(500), 3],
    [502, "answers with a web page", t.htmlPage(), 1],
    [503, "answers 429", t.rateLimited(7), 1],
    [403, "answers 403", t.denied(), 2],
    [404, "answers 404", t.status(404), 1],
  ];
  it.each(failing)(
    "is answered %i, without a body, when the upstream %s",
    async (status, _title, temperament, requests) => {
      const { upstream, clock } = bench();
      const { path, repository } = await target(bench());
      upstream.requests.clear();
      const rule = upstream.misbehave({ on: "any", repository, when: ({ kind }) => kind !== "token", temperament });
      const reply = await head(bench(), path);
      rule.stop();
      expect([reply.status, reply.body.length, asked(bench()).length]).toEqual([status, 0, requests]);
      clock.skip(11_000);
      expect((await head(bench(), path)).status).toBe(200);
    },
  );
});

describe("HEAD of a tag that names another digest than its manifest has", () => {
  it("is forgotten once the upstream is right again", async () => {
    const { upstream, instance } = bench();
    const { path, bytes, digest } = await manifestByTag(bench());
    const rule = upstream.misbehave({ on: "manifest-tag", method: "HEAD", temperament: t.wrongDigest() });
    expect((await head(bench(), path)).status).toBe(200);
    rule.stop();
    const reply = await instance.ask(path);
    expect([reply.status, reply.body.equals(bytes), reply.headers["docker-content-digest"]]).toEqual([
      200,
      true,
      digest,
    ]);
  });
});

describe("HEAD of a blob", () => {
  it("is answered from a GET of one byte where HEAD is refused with 401, and HEAD is spared from then on", async () => {
    const { upstream } = bench();
    const { path, repository, digest } = await blobOf(smallBytes)(bench());
    const other = upstream.pushBlob(repository, "another blob");
    upstream.requests.clear();
    const reply = await head(bench(), path);
    expect([reply.status, reply.headers["content-length"]]).toEqual([200, String(smallBytes)]);
    expect(asked(bench())).toEqual(["GET blob 206"]);
    expect(upstream.requests.filter({ kind: "blob", method: "GET" }).at(-1)?.range).toBe("bytes=0-0");
    const heads = upstream.requests.count({ method: "HEAD" });
    const second = await head(bench(), `/v2/${repository}/blobs/${other}?ns=${upstreamName}`);
    expect([second.status, upstream.requests.count({ method: "HEAD" })]).toEqual([200, heads]);
    expect(await isStored(bench(), digest)).toBe(false);
  });

  it("is answered from a GET of one byte where the CDN signs no HEAD", async () => {
    const { path } = await blobOf(smallBytes)(cdnBench());
    const reply = await head(cdnBench(), path);
    expect([reply.status, reply.headers["content-length"]]).toEqual([200, String(smallBytes)]);
    expect(asked(cdnBench())).toEqual(["HEAD blob 307", "HEAD cdn 403", "GET blob 307", "GET cdn 206"]);
  });

  it("proves a stored blob for another repository, which is then served from disk", async () => {
    const { upstream, instance } = bench();
    const { path, bytes, digest } = await blobOf(smallBytes)(bench());
    await instance.ask(path);
    await flightsEnded(bench());
    upstream.pushBlob("second/home", bytes);
    upstream.requests.clear();
    const reply = await instance.ask(`/v2/second/home/blobs/${digest}?ns=${upstreamName}`);
    expect([reply.status, reply.body.equals(bytes), reply.headers["cache-status"]]).toEqual([
      200,
      true,
      "entrepot; hit",
    ]);
    expect(upstream.requests.bytes({ kind: "blob", status: 206 })).toBe(1);
    const stranger = await instance.ask(`/v2/no/home/blobs/${digest}?ns=${upstreamName}`);
    expect([stranger.status, stranger.body.includes("BLOB_UNKNOWN")]).toEqual([404, true]);
  });

  const failing: [number, string, Temperament][] = [
    [504, "is silent", t.silent()],
    [502, "answers 500", t.status(500)],
    [503, "answers 429", t.rateLimited(7)],
    [404, "answers 404", t.status(404)],
  ];
  it.each(failing)("is answered %i, without a body, when the upstream %s", async (status, _title, temperament) => {
    const { upstream, clock } = cdnBench();
    const { path, repository } = await blobOf(smallBytes)(cdnBench());
    const rule = upstream.misbehave({ on: "blob", repository, temperament });
    const reply = await head(cdnBench(), path);
    rule.stop();
    clock.skip(7000);
    expect([reply.status, reply.body.length]).toEqual([status, 0]);
  });
});
