import { describe, expect, it } from "vitest";
import { covers, parseScopes } from "../../../src/access/scopes.ts";

describe("the scope of a token", () => {
  it("names repositories as the client writes them, in one value or in several", () => {
    expect(
      parseScopes(["repository:registry.example.test/org/app:pull,push repository:org/base:pull", "repository:x:*"]),
    ).toEqual([
      { name: "registry.example.test/org/app", actions: ["pull", "push"] },
      { name: "org/base", actions: ["pull"] },
      { name: "x", actions: ["*"] },
    ]);
  });

  it("may name a class", () => {
    expect(parseScopes(["repository(plugin):org/app:push"])).toEqual([{ name: "org/app", actions: ["push"] }]);
  });

  it.each(["", "registry:catalog:*", "repository:a:b:push", "repository::push", "repository:a:", "aws"])(
    "%s names no repository",
    (text) => {
      expect(parseScopes([text])).toEqual([]);
    },
  );
});

describe("a token", () => {
  const scopes = parseScopes(["repository:org/app:pull,push", "repository:org/all:*", "repository:org/base:pull"]);

  it.each([
    ["org/app", "push", true],
    ["org/app", "delete", false],
    ["org/all", "delete", true],
    ["org/base", "push", false],
    ["org/app/more", "push", false],
    ["org", "push", false],
  ])("is good in %s for %s: %s", (name, action, isGood) => {
    expect(covers(scopes, name, action)).toBe(isGood);
  });

  it("that was never asked for limits nothing: the client has sent its credentials themselves", () => {
    expect(covers(undefined, "org/app", "push")).toBe(true);
  });
});
