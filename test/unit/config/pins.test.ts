import { describe, expect, it } from "vitest";
import { faultsOf, load } from "./config-file.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("pins", () => {
  it("are images and patterns, with or without platforms, in canonical form", () => {
    const yaml = `
pins:
  - docker.io/alpine:3
  - "GHCR.io/org/app:v*"
  - { image: "quay.io/**:*", platforms: [linux/AMD64, linux/aarch64/v8, linux/arm64] }
  - image: registry.corp.example:5443/team/app@${digest}
    platforms: linux/armhf, windows/amd64`;
    expect(load(yaml).pins).toEqual([
      { image: "docker.io/library/alpine:3", platforms: undefined },
      { image: "ghcr.io/org/app:v*", platforms: undefined },
      { image: "quay.io/**:*", platforms: ["linux/amd64", "linux/arm64"] },
      { image: `registry.corp.example:5443/team/app@${digest}`, platforms: ["linux/arm/v7", "windows/amd64"] },
    ]);
  });

  it.each(["pins: []", "pins:", "pins:\n  # - docker.io/library/alpine:3"])("may be none: %j", (yaml) => {
    expect(load(yaml)).toEqual(load(""));
  });

  it("are told every fault at once, each with its path", () => {
    const yaml = `
pins:
  - alpine:3
  - docker.io/library/alpine
  - { image: docker.io/library/Alpine:3, platforms: [linux] }
  - { image: ghcr.io/org/app:v1, platforms: [] }
  - { image: ghcr.io/org/app:v2, platform: linux/amd64 }
  - { image: 5 }
  - 5`;
    const faults = faultsOf(yaml).map((fault) => `${fault.path}: ${fault.message}`);
    expect(faults.toSorted()).toEqual([
      'pins[0].image: "alpine:3" names no registry: write for instance docker.io/library/alpine:3',
      'pins[1].image: "docker.io/library/alpine" has neither a tag nor a digest: write :* for all tags',
      'pins[2].image: "library/Alpine" is not a repository: lower-case letters and digits, with one of . _ __ - between them',
      'pins[2].platforms: must be one or more platforms such as linux/amd64 or linux/arm/v7, not "["linux"]"',
      'pins[3].platforms: must be one or more platforms such as linux/amd64 or linux/arm/v7, not "[]"',
      "pins[4].platform: unknown key; did you mean platforms?",
      'pins[5].image: must be text such as docker.io/library/alpine:3, not "5"',
      "pins[6]: must be a section of keys",
    ]);
  });

  it.each([
    ["pins: [{ platforms: [linux/amd64] }]", "pins[0]", "has no image"],
    [
      "pins: [docker.io/alpine:3, { image: 'index.docker.io/library/alpine:3', platforms: [linux/amd64] }]",
      "pins[1].image",
      "docker.io/library/alpine:3 is pinned by pins[0] already",
    ],
    ["pins: docker.io/library/alpine:3", "pins", "must be a list of images"],
    ["pins: { image: docker.io/library/alpine:3 }", "pins", "must be a list of images"],
  ])("refuses %s", (yaml, path, message) => {
    expect(faultsOf(yaml)).toEqual([{ path, message }]);
  });

  it("come from the file alone", () => {
    expect(faultsOf("", { ENTREPOT_PINS: "docker.io/library/alpine:3" })).toMatchObject([{ path: "ENTREPOT_PINS" }]);
  });
});
