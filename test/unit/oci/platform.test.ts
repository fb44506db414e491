import { describe, expect, test } from "vitest";
import { parsePlatform, platformMatches } from "../../../src/oci/index.ts";

describe("a platform", () => {
  test.each([
    ["linux/amd64", "linux/amd64"],
    ["Linux/AMD64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/x86-64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["linux/i386", "linux/386"],
    ["linux/i386/x", "linux/386"],
    ["linux/arm64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/8", "linux/arm64"],
    ["linux/aarch64/V8", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/7", "linux/arm/v7"],
    ["linux/arm/v7", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["linux/arm/v6", "linux/arm/v6"],
    ["linux/arm/5", "linux/arm/v5"],
    ["linux/arm/8", "linux/arm/v8"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/riscv64", "linux/riscv64"],
    ["windows/amd64", "windows/amd64"],
    ["macos/arm64", "darwin/arm64"],
    ["unknown/unknown", "unknown/unknown"],
  ])("%s is %s", (text, canonical) => {
    expect(parsePlatform(text)).toBe(canonical);
    expect(parsePlatform(canonical)).toBe(canonical);
  });

  test.each([
    "",
    "linux",
    "linux/",
    "/amd64",
    "linux//v1",
    "linux/amd64/",
    "linux/arm/v7/x",
    "linux/*",
    "linux /amd64",
    "linux/amd64\n",
    "windows(10.0)/amd64",
    `linux/${"x".repeat(65)}`,
  ])("is not %j", (text) => {
    expect(parsePlatform(text)).toBeUndefined();
  });

  test.each([
    ["linux/amd64", "linux/amd64", true],
    ["linux/aarch64", "linux/arm64/v8", true],
    ["linux/arm", "linux/arm/v7", true],
    ["linux/arm", "linux/arm/v6", false],
    ["linux/amd64", "linux/amd64/v3", false],
    ["linux/amd64", "windows/amd64", false],
    ["linux/amd64", undefined, false],
    ["nonsense", "nonsense", false],
  ])("that is wanted as %s is there as %s: %s", (wanted, has, expected) => {
    expect(platformMatches(wanted, has)).toBe(expected);
  });
});
