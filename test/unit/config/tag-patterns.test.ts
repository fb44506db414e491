import { describe, expect, it } from "vitest";
import { formatSettings, type TagPatternSettings } from "../../../src/config/index.ts";
import { faultsOf, load } from "./config-file.ts";

const patternsOf = (yaml: string, name: string): readonly TagPatternSettings[] =>
  load(yaml).upstreams.find((entry) => entry.name === name)?.tagPatterns ?? [];

const layered = `
tags:
  staleFor: 10d
  onGone: keep
  patterns:
    - { match: "v*", freshFor: 1d, staleFor: 20d }
upstreams:
  ghcr.io:
    tags:
      staleFor: 5d
      patterns:
        - { match: "*-rc", freshFor: 10s }
        - { match: "v1.*", staleFor: 1h, cooldown: 3d, cooldownMode: audit }`;

describe("patterns of tags", () => {
  it("hold for every upstream where they are global, over the plain keys beside them", () => {
    expect(patternsOf(layered, "quay.io")).toMatchObject([
      { match: "v*", freshForMs: 86_400_000, staleForMs: 20 * 86_400_000, onGone: "keep", onDenied: "refuse" },
    ]);
  });

  it("of an upstream come first, and its plain keys hold for the global ones too", () => {
    expect(patternsOf(layered, "ghcr.io")).toMatchObject([
      { match: "*-rc", freshForMs: 10_000, staleForMs: 5 * 86_400_000, onGone: "keep", cooldownMs: 0 },
      {
        match: "v1.*",
        freshForMs: 60_000,
        staleForMs: 3_600_000,
        onGone: "keep",
        cooldownMs: 3 * 86_400_000,
        cooldownMode: "audit",
      },
      { match: "v*", freshForMs: 86_400_000, staleForMs: 5 * 86_400_000, onGone: "keep" },
    ]);
  });

  it("leave the plain keys as they are", () => {
    const ghcr = load(layered).upstreams.find(({ name }) => name === "ghcr.io");
    expect(ghcr?.tags).toMatchObject({ freshForMs: 60_000, staleForMs: 5 * 86_400_000, onGone: "keep" });
  });

  it("are printed so that they give the same settings when they are loaded", () => {
    const settings = load(layered);
    expect(load(formatSettings(settings))).toEqual(settings);
  });

  it.each([
    ["tags: { patterns: [{ freshFor: 1d }] }", "tags.patterns[0]", "has no match"],
    [
      'tags: { patterns: [{ match: "a/b" }] }',
      "tags.patterns[0].match",
      'must be a pattern of tags such as v* or *-rc, not "a/b"',
    ],
    [
      "tags: { patterns: [{ match: v*, freshFr: 1d }] }",
      "tags.patterns[0].freshFr",
      "unknown key; did you mean freshFor?",
    ],
    [
      "upstreams: { quay.io: { tags: { patterns: [{ match: v*, onGone: forget }] } } }",
      "upstreams.quay.io.tags.patterns[0].onGone",
      'must be one of drop, keep, not "forget"',
    ],
    [
      "tags: { patterns: [{ match: v*, staleAfter: 30s }] }",
      "tags.patterns[0].staleAfter",
      "must not be longer than limits.answerWithin (20000 ms)",
    ],
    [
      "tags: { patterns: [{ match: v*, staleAfter: 10s }] }\nupstreams: { quay.io: { limits: { answerWithin: 5s } } }",
      "tags.patterns[0].staleAfter",
      "must not be longer than upstreams.quay.io.limits.answerWithin (5000 ms)",
    ],
    ["tags: [{ match: v*, freshFor: 1d }]", "tags", "must be a section of keys"],
    ["tags: { patterns: { match: v* } }", "tags.patterns", "must be a list of sections"],
  ])("are refused with their path: %s", (yaml, path, message) => {
    expect(faultsOf(yaml).filter((fault) => fault.path === path)).toEqual([{ path, message }]);
  });
});
