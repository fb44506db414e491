import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/oci/index.ts";
import { parsePushRoute } from "../../../src/registry/push-route.ts";
import { refusalOf } from "./refusal.ts";

const digest = digestOf(Buffer.from("x"));
const id = "A".repeat(32);
const parse = (method: string, path: string, query: Record<string, string> = {}) =>
  parsePushRoute(method, path, new Map(Object.entries(query)));

describe("a request of a push", () => {
  it.each([
    ["POST", "/v2/org/app/blobs/uploads/", {}, { kind: "start", digest: undefined, mount: undefined }],
    ["POST", "/v2/org/app/blobs/uploads/", { digest }, { kind: "start", digest, mount: undefined }],
    [
      "POST",
      "/v2/org/app/blobs/uploads/",
      { mount: digest },
      { kind: "start", digest: undefined, mount: { digest, from: undefined } },
    ],
    ["PATCH", `/v2/org/app/blobs/uploads/${id}`, {}, { kind: "upload", id, digest: undefined }],
    ["PATCH", `/v2/org/app/blobs/uploads/${id}`, { digest }, { kind: "upload", id, digest: undefined }],
    ["GET", `/v2/org/app/blobs/uploads/${id}`, {}, { kind: "upload", id, digest: undefined }],
    ["DELETE", `/v2/org/app/blobs/uploads/${id}`, {}, { kind: "upload", id, digest: undefined }],
    ["PUT", `/v2/org/app/blobs/uploads/${id}`, { digest }, { kind: "upload", id, digest }],
    ["PUT", "/v2/org/app/manifests/1", {}, { kind: "manifest", reference: { kind: "tag", tag: "1" } }],
    ["DELETE", `/v2/org/app/manifests/${digest}`, {}, { kind: "manifest", reference: { kind: "digest", digest } }],
    ["HEAD", "/v2/org/app/manifests/1", {}, { kind: "manifest", reference: { kind: "tag", tag: "1" } }],
    ["HEAD", `/v2/org/app/blobs/${digest}`, {}, { kind: "blob", digest }],
    ["DELETE", `/v2/org/app/blobs/${digest}`, {}, { kind: "blob", digest }],
  ])("%s %s %j is understood", (method, path, query, operation) => {
    expect(parse(method, path, query as Record<string, string>)).toMatchObject({ name: "org/app", operation });
  });

  it("of a mount names the other repository as the client calls it", () => {
    expect(parse("POST", "/v2/a/blobs/uploads/", { mount: digest, from: "ghcr.io/org/base" })?.from).toBe(
      "ghcr.io/org/base",
    );
  });

  it.each([
    ["GET", "/v2/org/app/manifests/1"],
    ["GET", `/v2/org/app/blobs/${digest}`],
    ["GET", "/v2/"],
    ["HEAD", "/v2/"],
    ["HEAD", "/v2/org/app/tags/list"],
  ])("is not what %s %s is", (method, path) => {
    expect(parse(method, path)).toBeUndefined();
  });

  it.each([
    ["PUT", `/v2/a/blobs/uploads/${id}`, {}, "DIGEST_INVALID"],
    ["PUT", `/v2/a/blobs/uploads/${id}`, { digest: "sha256:abc" }, "DIGEST_INVALID"],
    ["POST", "/v2/a/blobs/uploads/", { mount: "latest" }, "DIGEST_INVALID"],
    ["POST", "/v2/a/blobs/uploads/", { mount: digest, from: "A/B" }, "NAME_INVALID"],
    ["POST", "/v2/A/blobs/uploads/", {}, "NAME_INVALID"],
    ["PATCH", "/v2/a/blobs/uploads/short", {}, "BLOB_UPLOAD_UNKNOWN"],
    ["PATCH", `/v2/a/blobs/uploads/${digest}`, {}, "BLOB_UPLOAD_UNKNOWN"],
    ["GET", "/v2/a/blobs/uploads/", {}, "UNSUPPORTED"],
    ["HEAD", `/v2/a/blobs/uploads/${id}`, {}, "UNSUPPORTED"],
    ["POST", `/v2/a/blobs/uploads/${id}`, { digest }, "UNSUPPORTED"],
    ["POST", "/v2/a/manifests/1", {}, "UNSUPPORTED"],
    ["PUT", "/v2/a/tags/list", {}, "UNSUPPORTED"],
    ["PUT", "/v2/", {}, "UNSUPPORTED"],
    ["DELETE", `/v2/a/referrers/${digest}`, {}, "UNSUPPORTED"],
    ["POST", "/v2/a/blobs/uploads", {}, "NOT_FOUND"],
    ["PUT", "/elsewhere", {}, "NOT_FOUND"],
    ["PUT", "/v2/a/manifests/sha256:abc", {}, "DIGEST_INVALID"],
  ])("%s %s %j is refused: %s", (method, path, query, code) => {
    expect(refusalOf(() => parse(method, path, query as Record<string, string>)).code).toBe(code);
  });
});
