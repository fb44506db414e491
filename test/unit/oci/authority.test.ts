import { describe, expect, test } from "vitest";
import { parseAuthority, parseHost } from "../../../src/oci/index.ts";

describe("a host", () => {
  test.each([
    ["ghcr.io", "ghcr.io"],
    ["GHCR.IO", "ghcr.io"],
    ["localhost", "localhost"],
    ["10.0.0.1", "10.0.0.1"],
    ["my_registry", "my_registry"],
  ])("is %s", (text, host) => {
    expect(parseHost(text)).toBe(host);
    expect(parseAuthority(text)).toBe(host);
  });

  test.each(["", ".", "a..b", "-a", "a-", "a.", "a b", "a/b", "ä.example", "a\n", "a:1", "*.a", "a".repeat(254)])(
    "is not %j",
    (text) => {
      expect(parseHost(text)).toBeUndefined();
    },
  );
});

describe("the name of an upstream", () => {
  test.each([
    ["Registry.corp.example:5443", "registry.corp.example:5443"],
    ["localhost:05000", "localhost:5000"],
    ["a:65535", "a:65535"],
  ])("may have a port: %s", (text, authority) => {
    expect(parseAuthority(text)).toBe(authority);
  });

  test.each(["", ":1", "a:", "a:0", "a:65536", "a:123456", "a:b", "a:1:2", "[::1]:5000", "https://a"])(
    "is not %j",
    (text) => {
      expect(parseAuthority(text)).toBeUndefined();
    },
  );
});
