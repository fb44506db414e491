import { describe, expect, it } from "vitest";
import { anonymous, principalOf, type Principal } from "../../../src/access/principal.ts";
import { createRuleBook } from "../../../src/access/rules.ts";

const user = (name: string): Principal => ({ id: `user ${name}`, user: name, credentials: undefined });

describe("rules", () => {
  const mayPull = createRuleBook([
    { user: "ci", allow: ["docker.io/**"], deny: [] },
    { user: "*", allow: ["quay.io/org/*"], deny: ["**/secret"] },
    { user: "anonymous", allow: ["registry.k8s.io/**"], deny: [] },
  ]);

  it.each([
    ["ci", "docker.io/library/alpine", true],
    ["ci", "docker.io/library/secret", false],
    ["ci", "quay.io/org/app", true],
    ["ci", "quay.io/org/deep/app", false],
    ["ci", "registry.k8s.io/pause", true],
    ["ci", "ghcr.io/org/app", false],
    ["eve", "docker.io/library/alpine", false],
    ["eve", "quay.io/org/app", true],
  ])("say for %s and %s: %s", (name, image, isAllowed) => {
    expect(mayPull(user(name), image)).toBe(isAllowed);
  });

  it("say for those who show nothing what is for everybody", () => {
    expect(mayPull(anonymous, "registry.k8s.io/pause")).toBe(true);
    expect(mayPull(anonymous, "quay.io/org/app")).toBe(false);
  });

  it("that are not there let every user pull everything, and nobody else anything", () => {
    const all = createRuleBook(undefined);
    expect([all(user("eve"), "ghcr.io/a"), all(anonymous, "ghcr.io/a")]).toEqual([true, false]);
  });
});

describe("the name of a principal", () => {
  it("is the same for the same credential only, and does not hold it", () => {
    const of = (username: string, password: string) => principalOf({ kind: "basic", username, password }).id;
    expect(of("a", "canary")).toBe(of("a", "canary"));
    expect(new Set([of("a", "bc"), of("ab", "c"), of("a", "b"), anonymous.id]).size).toBe(4);
    expect(of("a", "canary")).not.toContain("canary");
  });
});
