import { describe, expect, it } from "vitest";
import { pullScope } from "../../../src/upstream/authorization/pull-scope.ts";

describe("the scope of a token request", () => {
  it.each([
    ["what the challenge says of this repository", "repository:team/app:pull", "repository:team/app:pull"],
    ["without anything but pull", "repository:team/app:pull,push,delete", "repository:team/app:pull"],
    ["never another repository", "repository:other/secret:pull", "repository:team/app:pull"],
    ["never the catalogue", "registry:catalog:*", "repository:team/app:pull"],
    ["a scope in one word, as public.ecr.aws has it", "aws", "aws"],
    ["our own where the challenge has none", undefined, "repository:team/app:pull"],
    ["under the path of the endpoint's URL", "repository:proxy/team/app:pull", "repository:proxy/team/app:pull"],
  ])("is %s", (_, challenged, scope) => {
    expect(pullScope(challenged, ["team/app", "proxy/team/app"])).toBe(scope);
  });
});
