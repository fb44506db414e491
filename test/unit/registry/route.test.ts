import { describe, expect, test } from "vitest";
import { digestOf } from "../../../src/oci/index.ts";
import { formatRoute, parseRoute } from "../../../src/registry/route.ts";
import { refusalOf } from "./refusal.ts";

const digest = digestOf(Buffer.from("x"));
const longDigest = digestOf(Buffer.from("x"), "sha512");

describe("a path of the registry", () => {
  test.each([
    ["/v2/", { kind: "ping" }],
    ["/v2", { kind: "ping" }],
    ["/v2/alpine/manifests/3", { kind: "manifest", name: "alpine", reference: { kind: "tag", tag: "3" } }],
    [`/v2/a/b/manifests/${digest}`, { kind: "manifest", name: "a/b", reference: { kind: "digest", digest } }],
    [`/v2/a/blobs/${digest}`, { kind: "blob", name: "a", digest }],
    [`/v2/a/blobs/${longDigest}`, { kind: "blob", name: "a", digest: longDigest }],
    ["/v2/ghcr.io/org/app/tags/list", { kind: "tags", name: "ghcr.io/org/app" }],
    [`/v2/a/referrers/${digest}`, { kind: "referrers", name: "a", digest }],
  ])("%s is understood", (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });

  test.each([
    ["/v2/a/manifests/b/manifests/c", "a/manifests/b", "manifest"],
    [`/v2/a/blobs/b/blobs/${digest}`, "a/blobs/b", "blob"],
    ["/v2/tags/list/tags/list", "tags/list", "tags"],
    ["/v2/manifests/manifests/manifests", "manifests", "manifest"],
    [`/v2/v2/referrers/referrers/${digest}`, "v2/referrers", "referrers"],
    ["/v2/a/tags/list/manifests/list", "a/tags/list", "manifest"],
  ])("%s is decided by its last two parts: repository %s", (path, name, kind) => {
    expect(parseRoute(path)).toMatchObject({ name, kind });
  });

  test.each([
    "/",
    "",
    "v2/",
    "/v1/",
    "/v1/repositories/a/tags",
    "/V2/",
    "/v2/_catalog",
    "/v2/a",
    "/v2/a/b",
    "/v2/manifests/latest",
    "/v2/a/tags",
    "/v2/a/tags/latest",
    "/v2/a/tags/list/",
    "/v2/a/blobs/uploads/",
    "/v2/a/blobs/uploads",
    "/v2/a/blobs/",
    "/v2/a/unknown/b",
    `/v3/a/blobs/${digest}`,
    "/metrics",
    "/healthz",
    "/api/v1/stats",
  ])("%s is nothing: 404", (path) => {
    const refusal = refusalOf(() => parseRoute(path));
    expect([refusal.code, refusal.status]).toEqual(["NOT_FOUND", 404]);
  });

  test.each([
    ["/v2/Alpine/manifests/3", "NAME_INVALID"],
    ["/v2/a:5000/b/manifests/3", "NAME_INVALID"],
    ["/v2/-a/tags/list", "NAME_INVALID"],
    [`/v2/${"a".repeat(256)}/tags/list`, "NAME_INVALID"],
    ["/v2/a/blobs/latest", "DIGEST_INVALID"],
    ["/v2/a/blobs/sha256:abc", "DIGEST_INVALID"],
    [`/v2/a/blobs/${digest.toUpperCase()}`, "DIGEST_INVALID"],
    ["/v2/a/manifests/sha256:abc", "DIGEST_INVALID"],
    ["/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e", "DIGEST_INVALID"],
    ["/v2/a/referrers/latest", "DIGEST_INVALID"],
    ["/v2/a/referrers/", "DIGEST_INVALID"],
    ["/v2/a/manifests/.hidden", "MANIFEST_UNKNOWN"],
    [`/v2/a/manifests/${"x".repeat(129)}`, "MANIFEST_UNKNOWN"],
    ["/v2/a/manifests/", "MANIFEST_UNKNOWN"],
  ])("%s is outside the grammar: %s", (path, code) => {
    const refusal = refusalOf(() => parseRoute(path));
    expect(refusal.code).toBe(code);
    expect(refusal.message.length).toBeLessThan(200);
  });

  test("is formatted as it was written", () => {
    for (const path of [
      "/v2/",
      "/v2/a/b/manifests/3",
      `/v2/a/manifests/${digest}`,
      `/v2/a/blobs/${longDigest}`,
      "/v2/a/tags/list",
      `/v2/a/referrers/${digest}`,
    ]) {
      expect(formatRoute(parseRoute(path))).toBe(path);
    }
  });
});
