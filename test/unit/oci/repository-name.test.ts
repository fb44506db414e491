import { describe, expect, test } from "vitest";
import { parseRepositoryName } from "../../../src/oci/index.ts";

describe("a repository name", () => {
  test.each([
    "alpine",
    "library/alpine",
    "a/b/c/d",
    "ghcr.io/org/app",
    "registry.corp.example_5443/app",
    "a__b",
    "a-b",
    "a---b",
    "0/1",
    "x".repeat(255),
  ])("is %s", (text) => {
    expect(parseRepositoryName(text)).toBe(text);
  });

  test.each([
    "",
    "/",
    "/alpine",
    "alpine/",
    "a//b",
    "..",
    "../etc",
    "a/../b",
    "a/./b",
    "a..b",
    ".a",
    "a.",
    "_a",
    "a_",
    "a___b",
    "-a",
    "a-",
    "a._b",
    "Alpine",
    "a:5000/b",
    "a b",
    "a%2fb",
    "a\\b",
    "a\n",
    "ä",
    "a\0b",
    "x".repeat(256),
  ])("is not %j", (text) => {
    expect(parseRepositoryName(text)).toBeUndefined();
  });

  test("is decided in linear time: no name makes the grammar go back over itself", () => {
    const started = performance.now();
    for (const text of [`${"a".repeat(254)}!`, `${"a-".repeat(127)}!`, `${"a/".repeat(127)}!`, "-".repeat(255)]) {
      expect(parseRepositoryName(text)).toBeUndefined();
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
