import { describe, expect, it } from "vitest";
import { plainRequest } from "../../../src/registry/plain-request.ts";

const base: [string, string][] = [
  ["Host", "cache.test"],
  ["User-Agent", "containerd/1.7"],
  ["Accept", "application/vnd.oci.image.manifest.v1+json, */*"],
  ["Accept-Encoding", "gzip"],
];

function read(fields: [string, string][], { method = "GET", url = "/v2/" } = {}) {
  return plainRequest({ method, url, rawHeaders: fields.flat() });
}

describe("a plain request", () => {
  it("has one key, however its fields are spelt and ordered, and whoever sends it", () => {
    const other: [string, string][] = [
      ["user-agent", "docker/28"],
      ["host", "cache.test"],
    ];
    expect(read(other)).toEqual({ ...read(base), userAgent: "docker/28" });
  });

  it.each(["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "traceparent"])("has the same key with %s", (name) => {
    expect(read([...base, [name, "anything"]])).toEqual(read(base));
  });

  it.each<[string, [string, string][], { method?: string; url?: string }]>([
    ["another target", base, { url: "/v2/?ns=ghcr.io" }],
    ["another method", base, { method: "HEAD" }],
    ["another host", [["Host", "other.test"], ...base.slice(1)], {}],
    ["another way here", [...base, ["Via", "1.1 entrepot-0123456789abcdef"]], {}],
  ])("has another key for %s", (_, fields, how) => {
    expect(read(fields, how)?.key).not.toBe(read(base)?.key);
    expect(read(fields, how)).toBeDefined();
  });

  it.each<[string, string]>([
    ["Authorization", "Bearer x"],
    ["Range", "bytes=0-1"],
    ["If-None-Match", '"x"'],
    ["If-Range", '"x"'],
    ["Cache-Control", "no-cache"],
    ["Pragma", "no-cache"],
    ["Expect", "100-continue"],
    ["Content-Length", "3"],
    ["Transfer-Encoding", "chunked"],
    ["X-Entrepot-Offload", "1"],
    ["X-Anything", "1"],
    ["Host", "second.test"],
    ["User-Agent", "second"],
  ])("has no %s in it that it does not know or has twice", (name, value) => {
    expect(read([...base, [name, value]])).toBeUndefined();
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("is no %s", (method) => {
    expect(read(base, { method })).toBeUndefined();
  });

  it("says which host is meant", () => {
    expect(read(base.slice(1))).toBeUndefined();
  });
});
