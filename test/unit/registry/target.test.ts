import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { parseTarget, type RequestTarget } from "../../../src/registry/target.ts";
import { refusalOf } from "./refusal.ts";

/** A request as node:http hands it over: only what the guard looks at. */
function guard(url: string, headers: [string, string][] = [["Host", "cache"]]): RequestTarget {
  const request = {
    url,
    rawHeaders: headers.flat(),
    headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
  return parseTarget(request as unknown as IncomingMessage);
}

function queryOf(text: string): Record<string, string> {
  return Object.fromEntries(guard(`/v2/?${text}`).query);
}

describe("the guard", () => {
  test.each([
    ["an escape", "/v2/library%2falpine/manifests/latest"],
    ["an escaped dot", "/v2/%2e%2e/etc/passwd"],
    ["an escaped NUL", "/v2/a%00b/manifests/latest"],
    ["a lone percent sign", "/v2/%/manifests/latest"],
    ["a step upwards", "/v2/../../etc/passwd"],
    ["a step upwards at the end", "/v2/a/.."],
    ["an empty part", "/v2//manifests/latest"],
    ["an empty first part", "//evil.example/v2/"],
    ["a backslash", "/v2/..\\windows"],
    ["a NUL", "/v2/a\0b/manifests/latest"],
    ["a line feed", "/v2/a\n/manifests/latest"],
    ["a space", "/v2/a b/manifests/latest"],
    ["a fragment", "/v2/a/manifests/latest#x"],
    ["a byte above ASCII", "/v2/\u00e4/manifests/latest"],
    ["a DEL", "/v2/a\x7f/manifests/latest"],
    ["the absolute form", "http://evil.example/v2/"],
    ["the asterisk form", "*"],
    ["the authority form", "evil.example:443"],
    ["nothing", ""],
    ["more than 8 KiB of path", `/v2/${"a/".repeat(4096)}manifests/latest`],
    ["more than 8 KiB of query", `/v2/?ignored=${"a".repeat(8192)}`],
  ])("refuses a target with %s", (_, url) => {
    expect([refusalOf(() => guard(url)).code, refusalOf(() => guard(url)).status]).toEqual(["NAME_INVALID", 400]);
  });

  test.each<[string, [string, string][]]>([
    [
      "two Host headers",
      [
        ["Host", "a"],
        ["Host", "b"],
      ],
    ],
    [
      "two Host headers that agree",
      [
        ["Host", "a"],
        ["host", "a"],
      ],
    ],
    [
      "a body by length",
      [
        ["Host", "a"],
        ["Content-Length", "5"],
      ],
    ],
    [
      "a body by chunks",
      [
        ["Host", "a"],
        ["Transfer-Encoding", "chunked"],
      ],
    ],
    [
      "a length that only looks like none",
      [
        ["Host", "a"],
        ["Content-Length", "00"],
      ],
    ],
  ])("refuses %s", (_, headers) => {
    expect(refusalOf(() => guard("/v2/", headers)).status).toBe(400);
  });

  test("lets the targets of real clients pass, and hands the path on as it was sent", () => {
    for (const path of [
      "/v2/",
      "/v2",
      "/",
      "/v2/library/alpine/manifests/3.20",
      `/v2/ghcr.io/org/app/blobs/sha256:${"0".repeat(64)}`,
      "/v2/registry.corp.example_5443/a__b/c-d/tags/list",
    ]) {
      expect(guard(path)).toEqual({ path, query: new Map() });
    }
    expect(
      guard("/v2/", [
        ["Host", "a"],
        ["Content-Length", "0"],
      ]).path,
    ).toBe("/v2/");
  });

  test("lets a target of exactly 8 KiB pass", () => {
    const start = "/v2/?ignored=";
    expect(guard(start + "a".repeat(8192 - start.length)).path).toBe("/v2/");
  });

  test("lets a tag with two dots in it pass: the grammar of tags allows them", () => {
    expect(guard("/v2/library/alpine/manifests/1..2").path).toBe("/v2/library/alpine/manifests/1..2");
  });
});

describe("the query", () => {
  test("is decoded once", () => {
    expect(queryOf("ns=registry.corp.example%3A5443")).toEqual({ ns: "registry.corp.example:5443" });
    expect(queryOf("artifactType=application%2Fvnd.example%2Bjson")).toEqual({
      artifactType: "application/vnd.example+json",
    });
    expect(queryOf("ns=docker%252Eio")).toEqual({ ns: "docker%2Eio" });
  });

  test("does not take a plus for a space", () => {
    expect(queryOf("artifactType=application/sbom+json")).toEqual({ artifactType: "application/sbom+json" });
  });

  test("has only the keys that mean something here", () => {
    expect(queryOf("n=5&last=a&ns=ghcr.io&artifactType=x&digest=y&mount=z&from=w&__proto__=1&")).toEqual({
      n: "5",
      last: "a",
      ns: "ghcr.io",
      artifactType: "x",
    });
    expect(queryOf("%6es=ghcr.io&NS=ghcr.io")).toEqual({});
  });

  test("has empty values where there are none", () => {
    expect(queryOf("ns&n=")).toEqual({ ns: "", n: "" });
  });

  test("is cut at the first question mark", () => {
    expect(guard("/v2/a?ns=b?c")).toEqual({ path: "/v2/a", query: new Map([["ns", "b?c"]]) });
  });

  test("is refused where a key stands twice, or a value is badly escaped", () => {
    for (const text of ["ns=docker.io&ns=ghcr.io", "ns=a&ns=a", "ns=%", "ns=%zz", "ns=%ff", "last=%c0%af"]) {
      expect([text, refusalOf(() => queryOf(text)).status]).toEqual([text, 400]);
    }
  });

  test("may be nonsense in keys that mean nothing", () => {
    expect(queryOf("x=%zz&x=%&y")).toEqual({});
  });
});
