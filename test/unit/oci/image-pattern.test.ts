import { describe, expect, test } from "vitest";
import { digestOf, ImageNameInvalid, parseImageName, parseImagePattern } from "../../../src/oci/index.ts";

const digest = digestOf(Buffer.from("a manifest"));
const otherDigest = digestOf(Buffer.from("another"));

/** Of `upstream|repository|tag or @digest`. */
function matches(pattern: string, image: string): boolean {
  const [upstream = "", repository = "", reference = ""] = image.split("|");
  return parseImagePattern(pattern).matches(
    { upstream, repository },
    reference.startsWith("@") ? { kind: "digest", digest: reference.slice(1) } : { kind: "tag", tag: reference },
  );
}

function refusalOf(text: string): string {
  try {
    parseImagePattern(text);
  } catch (error) {
    if (error instanceof ImageNameInvalid) return error.message;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("a pattern of images", () => {
  test.each([
    ["docker.io/library/alpine:3", "docker.io|library/alpine|3"],
    ["docker.io/alpine:3", "docker.io|library/alpine|3"],
    ["index.docker.io/alpine:3", "docker.io|library/alpine|3"],
    ["docker.io/alp*:3", "docker.io|library/alpine|3"],
    ["docker.io/library/**:*", "docker.io|library/alpine|3"],
    ["docker.io/**:*", "docker.io|grafana/loki|3"],
    ["ghcr.io/org/app:v*", "ghcr.io|org/app|v1.2"],
    ["ghcr.io/org/app:v*", "ghcr.io|org/app|v"],
    ["ghcr.io/org/app:*-slim", "ghcr.io|org/app|3.1-slim"],
    ["ghcr.io/org/*:latest", "ghcr.io|org/app|latest"],
    ["ghcr.io/**/app:1", "ghcr.io|app|1"],
    ["ghcr.io/**/app:1", "ghcr.io|a/b/app|1"],
    ["*.corp.example/team/app:1", "eu.corp.example|team/app|1"],
    ["registry.corp.example:*/team/app:1", "registry.corp.example:5443|team/app|1"],
    ["*/**:*", "quay.io|a/b/c|x"],
    ["**/app:*", "quay.io|a/b/app|x"],
    [`ghcr.io/org/app@${digest}`, `ghcr.io|org/app|@${digest}`],
    [`ghcr.io/**@${digest}`, `ghcr.io|org/app|@${digest}`],
    [`ghcr.io/org/app:v*@${digest}`, `ghcr.io|org/app|@${digest}`],
  ])("%s matches %s", (pattern, image) => {
    expect(matches(pattern, image)).toBe(true);
  });

  test.each([
    ["docker.io/library/alpine:3", "docker.io|library/alpine|3.1"],
    ["docker.io/library/alpine:3", "docker.io|library/alpine2|3"],
    ["docker.io/library/alpine:3", "quay.io|library/alpine|3"],
    ["docker.io/library/alpine:3", "docker.io|other/library/alpine|3"],
    ["docker.io/*:3", "docker.io|grafana/loki|3"],
    ["ghcr.io/org/*:latest", "ghcr.io|org/team/app|latest"],
    ["ghcr.io/*:latest", "ghcr.io|org/app|latest"],
    ["ghcr.io/org/app:v*", "ghcr.io|org/app|1v"],
    ["ghcr.io/org/app:V*", "ghcr.io|org/app|v1"],
    ["*.corp.example/team/app:1", "corp.example|team/app|1"],
    ["*.corp.example/team/app:1", "evil.example|x.corp.example/team/app|1"],
    ["*.corp.example/team/app:1", "a.corp.example:5443|team/app|1"],
    ["ghcr.io/org/app:*", `ghcr.io|org/app|@${digest}`],
    [`ghcr.io/org/app@${digest}`, `ghcr.io|org/app|@${otherDigest}`],
    [`ghcr.io/org/app@${digest}`, `ghcr.io|org/app2|@${digest}`],
    [`ghcr.io/org/app:v1@${digest}`, "ghcr.io|org/app|v1"],
  ])("%s does not match %s", (pattern, image) => {
    expect(matches(pattern, image)).toBe(false);
  });

  test.each([
    ["Docker.IO/alpine:3", "docker.io/library/alpine:3"],
    ["docker.io/*:3", "docker.io/library/*:3"],
    ["docker.io/**:3", "docker.io/**:3"],
    ["*.Corp.Example/a:1", "*.corp.example/a:1"],
    ["ghcr.io/****/a:v**", "ghcr.io/**/a:v*"],
    ["ghcr.io:0443/a/*:1", "ghcr.io:443/a/*:1"],
    [`ghcr.io/a:v*@${digest}`, `ghcr.io/a@${digest}`],
  ])("is written in one way: %s as %s", (text, canonical) => {
    expect(parseImagePattern(text).text).toBe(canonical);
  });

  test("knows the one image that it means, where it has no wildcard", () => {
    for (const text of ["docker.io/library/alpine:3", "localhost:5000/app:1", `ghcr.io/org/app:v*@${digest}`]) {
      expect(parseImagePattern(text).exact).toEqual(parseImageName(text.replace(":v*", "")));
    }
    for (const text of ["docker.io/library/*:3", "docker.io/library/alpine:*", "*/alpine:3", `ghcr.io/**@${digest}`]) {
      expect(parseImagePattern(text).exact).toBeUndefined();
    }
  });

  test.each([
    ["ghcr.io/org/app", /has neither a tag nor a digest: write :\* for all tags$/],
    ["ghcr.io/**", /has neither a tag nor a digest: write :\* for all tags$/],
    ["alpine:3*", /names no registry: write for instance docker\.io\/library\/alpine:3\*$/],
    ["alpine", /names no registry: write for instance docker\.io\/library\/alpine:\*$/],
    ["**:*", /names no registry: write for instance docker\.io\/\*\*:\*$/],
    ["ghcr.io/org/app:v?", /^"v\?" is not a tag/],
    ["ghcr.io/org/[ab]:1", /^"org\/\[ab\]" is not a repository/],
    ["ghcr.io/Org/*:1", /^"Org\/\*" is not a repository/],
    ["ghcr.io/org/_*:1", /is not a repository/],
    ["ghcr.io/org/app:-*", /^"-\*" is not a tag/],
    ["ghcr.io/org/app:{a,b}", /is not a tag/],
    ["ghcr.*!/app:1", /^"ghcr\.\*!" is not the host of a registry/],
    [`ghcr.io/org/app@${digest.slice(0, 20)}*`, /is not a digest/],
    ["ghcr.io/org/app@*", /is not a digest/],
  ])("is refused in words where it is none: %s", (text, message) => {
    expect(refusalOf(text)).toMatch(message);
  });

  test("is bounded in the time that it takes, however it is written", () => {
    const pattern = parseImagePattern(`ghcr.io/${"a*".repeat(120)}b:${"1*".repeat(60)}`);
    const started = performance.now();
    for (let round = 0; round < 20; round++) {
      const image = { upstream: "ghcr.io", repository: `${"a".repeat(250)}!` };
      expect(pattern.matches(image, { kind: "tag", tag: "1".repeat(128) })).toBe(false);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
