import { describe, expect, it } from "vitest";
import { AddressUnknown, addressOf } from "../../../src/doctor/clients/address.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;
const socket = { kind: "unix", path: "/run/entrepot.sock" } as const;

describe("where a client reaches entrepot", () => {
  it("is the first listener with a port, and loopback where it is every address", () => {
    const authority = (...listen: Parameters<typeof addressOf>[0][number][]): string =>
      addressOf(listen, undefined).authority;
    expect(authority(tcp("127.0.0.1", 5000))).toBe("127.0.0.1:5000");
    expect(authority(socket, tcp("0.0.0.0", 5000))).toBe("127.0.0.1:5000");
    expect(authority(tcp("::", 5000))).toBe("[::1]:5000");
    expect(authority(tcp("fd00::1", 5000))).toBe("[fd00::1]:5000");
  });

  it("is what is said, with the listener's port where none is", () => {
    const given = (host: string) => addressOf([tcp("0.0.0.0", 5000)], host);
    expect(given("cache")).toEqual({ scheme: "http", authority: "cache:5000" });
    expect(given("cache:80")).toEqual({ scheme: "http", authority: "cache" });
    expect(given("https://cache.example")).toEqual({ scheme: "https", authority: "cache.example" });
    expect(given("[fd00::1]:5001")).toEqual({ scheme: "http", authority: "[fd00::1]:5001" });
  });

  it("is not guessed", () => {
    expect(() => addressOf([tcp("127.0.0.1", 0)], undefined)).toThrow(AddressUnknown);
    expect(() => addressOf([socket], "cache")).toThrow(/needs a port/);
    for (const host of ["cache/docker.io", "ftp://cache", "me:secret@cache", ""]) {
      expect(() => addressOf([tcp("127.0.0.1", 5000)], host), host).toThrow(AddressUnknown);
    }
  });
});
