import { describe, expect, it, onTestFinished } from "vitest";

import { digestOf } from "../../../src/oci/index.ts";
import { seededBytes, startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, readAll, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  return registry;
}

describe("a manifest", () => {
  it("comes byte for byte, by tag and by digest, with what the header said", async () => {
    const registry = await start();
    const image = registry.pushImage(app, "1");
    const { upstream, reports } = connect(registry.url);
    const byTag = await upstream.getManifest(app, tagged("1"), unhurried());
    const byDigest = await upstream.getManifest(app, { kind: "digest", digest: image.digest }, unhurried());
    const head = await upstream.headManifest(app, tagged("1"), unhurried());
    expect(byTag).toEqual({
      bytes: image.manifest,
      digest: image.digest,
      contentType: image.mediaType,
      isFromOrigin: true,
    });
    expect(byDigest?.bytes).toEqual(image.manifest);
    expect(head).toEqual({
      digest: image.digest,
      size: image.manifest.length,
      contentType: image.mediaType,
      isFromOrigin: true,
    });
    expect(reports.requests).toEqual(["manifest_tag 200", "manifest_digest 200", "manifest_tag 200"]);
    expect(reports.bytes).toBe(2 * image.manifest.length);
  });

  it("is asked for with every media type, without compression, and by name", async () => {
    const registry = await start();
    registry.pushImage(app, "1");
    const { upstream } = connect(registry.url);
    await upstream.getManifest(app, tagged("1"), unhurried());
    const [request] = registry.requests.entries;
    expect(request?.headers.accept?.split(", ")).toHaveLength(4);
    expect(request?.headers["accept-encoding"]).toBe("identity");
    expect(request?.headers["user-agent"]).toMatch(/^entrepot\/\d/);
    expect(request?.headers["content-type"]).toBeUndefined();
  });

  it("that is absent is undefined", async () => {
    const registry = await start();
    const { upstream } = connect(registry.url);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeUndefined();
    expect(await upstream.headManifest(app, tagged("1"), unhurried())).toBeUndefined();
  });

  it("is followed through a redirect to another origin, without the credential", async () => {
    const registry = await start({ auth: { kind: "basic", users: { me: "secret" } }, redirect: { manifests: true } });
    const image = registry.pushImage(app, "1");
    const { upstream } = connect(registry.url, { credentials: { kind: "basic", username: "me", password: "secret" } });
    const body = await upstream.getManifest(app, tagged("1"), unhurried());
    expect(body?.bytes).toEqual(image.manifest);
    expect(registry.cdn.requests.entries.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it.each([
    ["a web page", temperaments.htmlPage(), "bad-response", 200],
    ["a compressed body", temperaments.gzip(), "bad-response", 200],
    ["a body without end", temperaments.endless(), "bad-response", 200],
    ["a redirect loop", temperaments.redirectLoop(), "bad-response", undefined],
    ["a redirect to nowhere", temperaments.redirectTo("http://"), "bad-response", 307],
    ["a redirect to a file", temperaments.redirectTo("file:///etc/passwd"), "bad-response", 307],
    ["a 500", temperaments.status(500, "oops"), "bad-response", 500],
    ["a 204", temperaments.status(204), "bad-response", 204],
    ["a 429", temperaments.rateLimited(7), "rate-limited", 429],
    ["silence", temperaments.silent(), "timeout", undefined],
    ["a reset", temperaments.reset(), "unreachable", undefined],
    ["no HTTP", temperaments.garbage(), "bad-response", undefined],
    ["half a body and silence", temperaments.stall(10), "timeout", undefined],
    ["half a body and the end", temperaments.truncate(10), "unreachable", undefined],
  ])("that is answered with %s is an error in words", async (_, temperament, kind, status) => {
    const registry = await start();
    registry.pushImage(app, "1");
    registry.misbehave({ on: "manifest-tag", temperament });
    const { upstream } = connect(registry.url, { limits: { headerTimeoutMs: 300, idleTimeoutMs: 300 } });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind, status, upstream: "registry.test", isRefusal: false });
  });

  it("that nobody listens for is an error of kind unreachable", async () => {
    const registry = await start();
    const { upstream, reports } = connect(registry.url, { limits: { attempts: 2 } });
    await registry.stop();
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unreachable", isTemporary: true });
    expect(error.message).toContain("ECONNREFUSED");
    expect(reports.requests).toEqual(["manifest_tag none", "manifest_tag none"]);
  });

  it("reads both forms of Retry-After", async () => {
    const registry = await start();
    const { upstream } = connect(registry.url);
    for (const retryAfter of [90, new Date(Date.now() + 90_000)]) {
      const rule = registry.misbehave({ on: "any", temperament: temperaments.rateLimited(retryAfter) });
      const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
      expect(Math.abs((error.retryAfter ?? 0) - 90)).toBeLessThanOrEqual(2);
      rule.stop();
    }
  });

  it.each([401, 403, 405, 501])("whose HEAD is answered with %d leaves the caller to GET", async (status) => {
    const registry = await start();
    registry.misbehave({ on: "any", method: "HEAD", temperament: temperaments.status(status) });
    const { upstream } = connect(registry.url);
    expect(await upstream.headManifest(app, tagged("1"), unhurried())).toEqual({
      digest: undefined,
      size: undefined,
      contentType: undefined,
      isFromOrigin: true,
    });
  });

  it("is given up with the caller's own reason", async () => {
    const registry = await start();
    registry.misbehave({ on: "any", temperament: temperaments.silent() });
    const { upstream } = connect(registry.url);
    const controller = new AbortController();
    const asked = upstream.getManifest(app, tagged("1"), controller);
    await registry.requests.waitFor({ kind: "manifest-tag" });
    const reason = { why: "the client left" };
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });
});

describe("a blob's proof", () => {
  it("is a HEAD, followed to its end", async () => {
    const registry = await start({ redirect: {} });
    const blob = registry.pushBlob(app, seededBytes("a", 500));
    const { upstream } = connect(registry.url);
    expect(await upstream.proveBlob(app, blob, unhurried())).toEqual({ present: true, size: 500 });
    expect(await upstream.proveBlob(app, digestOf(Buffer.from("x")), unhurried())).toEqual({ present: false });
    registry.cdn.revokeSignatures();
    expect(registry.cdn.requests.count({ method: "HEAD" })).toBe(1);
  });

  it.each(["HEAD", "GET"])("is not a web page in answer to %s", async (method) => {
    const registry = await start();
    const blob = registry.pushBlob(app, seededBytes("a", 500));
    const { upstream } = connect(registry.url);
    registry.misbehave({ on: "blob", method, temperament: temperaments.htmlPage() });
    registry.misbehave({ on: "blob", method: "HEAD", temperament: temperaments.status(405) });
    expect(await failureOf(upstream.proveBlob(app, blob, unhurried()))).toMatchObject({ kind: "bad-response" });
  });

  it("is one byte where HEAD is refused, by the registry or behind the redirect", async () => {
    for (const options of [
      { auth: { kind: "bearer", refusesHeadOf: ["blob"] }, redirect: {} },
      { redirect: { refusesHead: true } },
    ] satisfies UpstreamOptions[]) {
      const registry = await start(options);
      const blob = registry.pushBlob(app, seededBytes("a", 500));
      const { upstream } = connect(registry.url);
      expect(await upstream.proveBlob(app, blob, unhurried())).toEqual({ present: true, size: 500 });
      const heads = registry.requests.count({ method: "HEAD" });
      expect(await upstream.proveBlob(app, blob, unhurried())).toEqual({ present: true, size: 500 });
      expect(registry.requests.count({ method: "HEAD" })).toBe(heads);
      expect(registry.cdn.requests.bytes()).toBeLessThanOrEqual(2 + 2 * 200);
    }
  });
});

describe("a blob", () => {
  it("comes whole or in part, and undefined where it is absent", async () => {
    const registry = await start({ redirect: {} });
    const bytes = seededBytes("a", 300_000);
    const blob = registry.pushBlob(app, bytes);
    const { upstream } = connect(registry.url);
    const whole = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    const part = await upstream.openBlob(app, blob, { from: 100, to: 199 }, unhurried());
    expect([whole?.size, part?.size]).toEqual([300_000, 300_000]);
    expect((await readAll(whole?.chunks ?? fail())).equals(bytes)).toBe(true);
    expect((await readAll(part?.chunks ?? fail())).equals(bytes.subarray(100, 200))).toBe(true);
    expect(await upstream.openBlob(app, digestOf(Buffer.from("x")), { from: 0 }, unhurried())).toBeUndefined();
  });
});

function fail(): never {
  throw new Error("no body");
}
