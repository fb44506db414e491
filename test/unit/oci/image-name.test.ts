import { describe, expect, test } from "vitest";
import { digestOf, formatImageName, ImageNameInvalid, parseImageName } from "../../../src/oci/index.ts";

const digest = digestOf(Buffer.from("a manifest"));
const longDigest = digestOf(Buffer.from("a manifest"), "sha512");

function refusalOf(text: string): string {
  try {
    parseImageName(text);
  } catch (error) {
    if (error instanceof ImageNameInvalid) return error.message;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("the name of an image", () => {
  test.each([
    ["docker.io/library/alpine:3", "docker.io", "library/alpine"],
    ["ghcr.io/org/app:v1.2.3-rc.1", "ghcr.io", "org/app"],
    ["registry.corp.example:5443/team/app:v1", "registry.corp.example:5443", "team/app"],
    ["localhost/app:1", "localhost", "app"],
    ["localhost:5000/a/b/c:1", "localhost:5000", "a/b/c"],
    ["lab:5000/app:1", "lab:5000", "app"],
    ["10.0.0.1/app:1", "10.0.0.1", "app"],
    ["registry.k8s.io/pause:3.10", "registry.k8s.io", "pause"],
  ])("is %s", (text, upstream, repository) => {
    const name = parseImageName(text);
    expect(name).toEqual({
      upstream,
      repository,
      reference: { kind: "tag", tag: text.slice(text.lastIndexOf(":") + 1) },
    });
    expect(formatImageName(name)).toBe(text);
  });

  test.each([digest, longDigest])("may end with a digest: %s", (given) => {
    const text = `ghcr.io/org/app@${given}`;
    expect(parseImageName(text).reference).toEqual({ kind: "digest", digest: given });
    expect(formatImageName(parseImageName(text))).toBe(text);
  });

  test.each([
    ["docker.io/alpine:3", "docker.io/library/alpine:3"],
    ["Docker.IO/alpine:Edge", "docker.io/library/alpine:Edge"],
    ["index.docker.io/alpine:3", "docker.io/library/alpine:3"],
    ["registry-1.docker.io/grafana/loki:3", "docker.io/grafana/loki:3"],
    ["LOCALHOST/app:1", "localhost/app:1"],
    ["GHCR.io:0443/org/app:v1", "ghcr.io:443/org/app:v1"],
    ["quay.io/app:1", "quay.io/app:1"],
    [`ghcr.io/org/app:v1@${digest}`, `ghcr.io/org/app@${digest}`],
    [`docker.io/alpine@${digest}`, `docker.io/library/alpine@${digest}`],
  ])("is written in one way: %s as %s", (text, canonical) => {
    expect(formatImageName(parseImageName(text))).toBe(canonical);
  });
});

describe("what is not the name of an image", () => {
  test.each([
    ["alpine:3", "docker.io/library/alpine:3"],
    ["alpine", "docker.io/library/alpine:latest"],
    ["grafana/loki:3", "docker.io/grafana/loki:3"],
    [`alpine@${digest}`, `docker.io/library/alpine@${digest}`],
    ["Alpine:3", "docker.io/library/alpine:3"],
    ["alpine:\u001b[31m", "docker.io/library/alpine:3"],
    ["/alpine:3", "docker.io/library/alpine:3"],
    ["", "docker.io/library/alpine:3"],
    ["a b", "docker.io/library/alpine:3"],
  ])("names no registry, and is told what to write: %j", (text, example) => {
    const refusal = refusalOf(text);
    expect(refusal).toContain(" names no registry: write for instance ");
    expect(refusal.endsWith(`: write for instance ${example}`)).toBe(true);
    expect(refusal).not.toContain("\u001b");
  });

  test.each(["ghcr.io/org/app", "docker.io/alpine", "localhost:5000/app"])(
    "has neither a tag nor a digest, and is told what to add: %s",
    (text) => {
      expect(refusalOf(text)).toBe(`"${text}" has neither a tag nor a digest: add for instance :latest`);
    },
  );

  test.each(["ghcr.io", "ghcr.io:latest", "localhost:5000", "ghcr.io/", "ghcr.io/:1"])("is a registry: %s", (text) => {
    expect(refusalOf(text)).toBe(`"${text}" names a registry only: a repository must follow it`);
  });

  test.each([
    ["https://ghcr.io/org/app:1", /must stand without its scheme$/],
    ["docker://docker.io/library/alpine:3", /must stand without its scheme$/],
    ["a..b/app:1", /^"a\.\.b" is not the host of a registry$/],
    ["ghcr.io:0/app:1", /is not the host/],
    ["[::1]:5000/app:1", /is not the host/],
    ["user@ghcr.io/app:1", /names no registry/],
    ["ghcr.io/Org/app:1", /^"Org\/app" is not a repository/],
    ["ghcr.io/org//app:1", /is not a repository/],
    ["ghcr.io/../etc:1", /is not a repository/],
    ["ghcr.io/org/app/:1", /is not a repository/],
    ["ghcr.io/org/app:", /^"" is not a tag/],
    ["ghcr.io/org/app:-x", /^"-x" is not a tag/],
    ["ghcr.io/org/app:1:2", /^"1:2" is not a tag/],
    [`ghcr.io/org/app:${"x".repeat(129)}`, /is not a tag/],
    ["ghcr.io/org/app@", /^"" is not a digest/],
    ["ghcr.io/org/app@sha256:abc", /^"sha256:abc" is not a digest/],
    ["ghcr.io/org/app@v1", /is not a digest/],
    [`ghcr.io/org/app:-x@${digest}`, /is not a tag/],
    [`ghcr.io/org/app@${digest}@${digest}`, /is not a digest/],
    [`ghcr.io/org/app@${digest.toUpperCase()}`, /is not a digest/],
    ["ghcr.io/org/app:1 ", /is not a tag/],
    [" ghcr.io/org/app:1", /is not the host/],
    ["ghcr.io/org/app:v*", /is a pattern: the name of one image holds no \*$/],
  ])("is refused in words: %s", (text, message) => {
    expect(refusalOf(text)).toMatch(message);
  });

  test("is quoted in part only, and without control characters", () => {
    expect(refusalOf(`ghcr.io/${"A".repeat(10_000)}:1`).length).toBeLessThan(300);
    expect(refusalOf("ghcr.io/a\u001b[31m:1")).not.toContain("\u001b");
  });
});
