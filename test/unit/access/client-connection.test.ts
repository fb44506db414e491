import { describe, expect, it } from "vitest";
import { createConnectionReader } from "../../../src/access/client-connection.ts";
import { requestFrom } from "./requests.ts";

const connections = createConnectionReader(["10.0.0.0/8", "fd00::/8"]);

describe("a client's connection", () => {
  it.each([
    ["127.0.0.1", {}, true],
    ["127.8.8.8", {}, true],
    ["::1", {}, true],
    ["::ffff:127.0.0.1", {}, true],
    [undefined, {}, true],
    ["192.168.0.9", {}, false],
    ["10.1.1.1", {}, false],
    ["10.1.1.1", { "x-forwarded-proto": "https" }, true],
    ["::ffff:10.1.1.1", { "x-forwarded-proto": "https" }, true],
    ["fd00::9", { "x-forwarded-proto": "HTTPS" }, true],
    ["10.1.1.1", { "x-forwarded-proto": "https, http" }, false],
    ["192.168.0.9", { "x-forwarded-proto": "https" }, false],
  ])("from %s with %o is confidential: %s", (address, headers, isConfidential) => {
    expect(connections.read(requestFrom(address, headers as Record<string, string>)).isConfidential).toBe(
      isConfidential,
    );
  });

  it("has the scheme and the host that the client wrote, or that a trusted proxy passes on", () => {
    expect(connections.read(requestFrom("192.168.0.9", { host: "cache:5000" })).origin).toBe("http://cache:5000");
    const forwarded = { host: "inner", "x-forwarded-host": "cache.example", "x-forwarded-proto": "https" };
    expect(connections.read(requestFrom("10.0.0.1", forwarded)).origin).toBe("https://cache.example");
    expect(connections.read(requestFrom("192.168.0.9", forwarded)).origin).toBe("http://inner");
  });

  it("has the address that a trusted proxy names, else its own", () => {
    const forwarded = { "x-forwarded-for": "203.0.113.9, 192.168.0.7" };
    expect(connections.read(requestFrom("::ffff:10.0.0.1", forwarded)).address).toBe("192.168.0.7");
    expect(connections.read(requestFrom("192.168.0.9", forwarded)).address).toBe("192.168.0.9");
    expect(connections.read(requestFrom(undefined, {})).address).toBeUndefined();
    expect([connections.isProxy("::ffff:10.0.0.1"), connections.isProxy("192.168.0.9")]).toEqual([true, false]);
  });

  it.each(['a",error="x', "a b", "user@host", "a/b", ""])("has no origin where its Host is no host: %s", (host) => {
    expect(connections.read(requestFrom("127.0.0.1", { host })).origin).toBeUndefined();
  });
});
