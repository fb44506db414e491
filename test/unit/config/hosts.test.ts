import { describe, expect, it } from "vitest";
import {
  formatListenAddress,
  listenersOverlap,
  parseAuthority,
  parseListenAddress,
  type ListenAddress,
} from "../../../src/config/hosts.ts";

function address(text: string): ListenAddress {
  const parsed = parseListenAddress(text);
  if (!parsed) throw new Error(`not an address: ${text}`);
  return parsed;
}

describe("listen addresses", () => {
  it.each([
    ["127.0.0.1:5000", { kind: "tcp", host: "127.0.0.1", port: 5000 }],
    ["[::1]:5000", { kind: "tcp", host: "::1", port: 5000 }],
    ["Cache.Example:0", { kind: "tcp", host: "cache.example", port: 0 }],
    ["unix:/run/entrepot.sock", { kind: "unix", path: "/run/entrepot.sock" }],
  ])("reads %s", (text, expected) => {
    expect(parseListenAddress(text)).toEqual(expected);
  });

  it.each([
    "5000",
    ":5000",
    "127.0.0.1",
    "::1:5000",
    "host:99999",
    "[nonsense]:1",
    "unix:",
    "a b:1",
    "http://h:1",
    5000,
  ])("refuses %s", (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });

  it.each(["127.0.0.1:5000", "[::1]:5000", "unix:/run/x"])("writes %s as it was read", (text) => {
    expect(formatListenAddress(address(text))).toBe(text);
  });

  it.each([
    ["127.0.0.1:5000", "127.0.0.1:5000", true],
    ["0.0.0.0:5000", "127.0.0.1:5000", true],
    ["[::]:5000", "0.0.0.0:5000", true],
    ["unix:/run/a", "unix:/run/a", true],
    ["127.0.0.1:5000", "127.0.0.2:5000", false],
    ["127.0.0.1:5000", "127.0.0.1:5001", false],
    ["127.0.0.1:0", "127.0.0.1:0", false],
    ["unix:/run/a", "127.0.0.1:5000", false],
  ])("knows whether %s and %s get into each other's way", (one, other, expected) => {
    expect(listenersOverlap(address(one), address(other))).toBe(expected);
  });
});

describe("names of upstreams", () => {
  it("are hosts with or without a port, in lower case", () => {
    expect(parseAuthority("GHCR.io")).toBe("ghcr.io");
    expect(parseAuthority("registry.corp.example:5443")).toBe("registry.corp.example:5443");
    expect(parseAuthority("my_registry:5000")).toBe("my_registry:5000");
  });

  it.each([
    "",
    "a/b",
    "https://ghcr.io",
    "a..b",
    "-a",
    "a:0",
    "a:99999",
    "a:b",
    "ghcr.io.",
    "[::1]:5000",
    "a".repeat(254),
  ])("are not %s", (name) => {
    expect(parseAuthority(name)).toBeUndefined();
  });
});
