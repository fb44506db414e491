import { describe, expect, it } from "vitest";
import { createConnectionReader } from "../../../src/access/client-connection.ts";
import { requestFrom } from "./requests.ts";

const read = createConnectionReader(["10.0.0.0/8", "fd00::/8"]);

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
    expect(read(requestFrom(address, headers as Record<string, string>)).isConfidential).toBe(isConfidential);
  });

  it("has the scheme and the host that the client wrote, or that a trusted proxy passes on", () => {
    expect(read(requestFrom("192.168.0.9", { host: "cache:5000" })).origin).toBe("http://cache:5000");
    const forwarded = { host: "inner", "x-forwarded-host": "cache.example", "x-forwarded-proto": "https" };
    expect(read(requestFrom("10.0.0.1", forwarded)).origin).toBe("https://cache.example");
    expect(read(requestFrom("192.168.0.9", forwarded)).origin).toBe("http://inner");
  });

  it.each(['a",error="x', "a b", "user@host", "a/b", ""])("has no origin where its Host is no host: %s", (host) => {
    expect(read(requestFrom("127.0.0.1", { host })).origin).toBeUndefined();
  });
});
