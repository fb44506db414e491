import { describe, expect, it } from "vitest";

import { parseChallenges } from "../../../src/upstream/authorization/challenge.ts";

function parsed(...values: string[]): [string, Record<string, string>][] {
  return parseChallenges(values).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

describe("parseChallenges", () => {
  it("reads quoted values with commas, equals signs and escapes", () => {
    expect(
      parsed(String.raw`Bearer realm="https://auth.test/token?a=b",scope="repository:a/b:pull,push",note="say \"hi\""`),
    ).toEqual([
      ["bearer", { realm: "https://auth.test/token?a=b", scope: "repository:a/b:pull,push", note: 'say "hi"' }],
    ]);
  });

  it("tells several challenges in one value and in several values apart", () => {
    const both = [
      ["basic", { realm: "r, s" }],
      ["bearer", { realm: "https://a.test", service: "s" }],
    ];
    expect(parsed('Basic realm="r, s", Bearer realm="https://a.test",service=s')).toEqual(both);
    expect(parsed('Basic realm="r, s"', 'bearer REALM="https://a.test", service="s"')).toEqual(both);
  });

  it("accepts white space around equals signs, empty elements, and schemes without parameters", () => {
    expect(parsed(' , Negotiate, ,Basic realm = "x" ,, charset="UTF-8"')).toEqual([
      ["negotiate", {}],
      ["basic", { realm: "x", charset: "UTF-8" }],
    ]);
  });

  it("reads past a token68", () => {
    expect(parsed('NTLM TlRMTVNTUAAC==, Basic realm="x"')).toEqual([
      ["ntlm", {}],
      ["basic", { realm: "x" }],
    ]);
  });

  it("reads a bare URL as a value", () => {
    expect(parsed("Bearer realm=https://a.test/token,service=s")).toEqual([
      ["bearer", { realm: "https://a.test/token", service: "s" }],
    ]);
  });

  it("keeps the first of two parameters of one name", () => {
    expect(parsed('Bearer realm="https://a.test",realm="https://b.test"')).toEqual([
      ["bearer", { realm: "https://a.test" }],
    ]);
  });

  it("keeps parameters named like properties of objects", () => {
    const [challenge] = parseChallenges(['Bearer __proto__="x",constructor="y"']);
    expect([...(challenge?.parameters ?? [])]).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it.each(["", ",,,", '"', "=", 'Bearer realm="unterminated', "Bearer realm=", "\u0000", "Bearer ==== x"])(
    "ends on %j",
    (value) => {
      expect(parseChallenges([value]).every(({ parameters }) => !parameters.has("realm"))).toBe(true);
    },
  );

  it("reads a long hostile value in linear time", () => {
    const started = process.cpuUsage();
    parseChallenges([`Bearer ${"a".repeat(100_000)}`, `Bearer ${" ,".repeat(50_000)}`, `B ${"a= ".repeat(30_000)}`]);
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });
});
