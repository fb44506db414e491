import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { digestAlgorithm, digestHex, digestOf, isDigest, parseDigest } from "../../../src/oci/index.ts";

const hex256 = "0123456789abcdef".repeat(4);
const hex512 = "0123456789abcdef".repeat(8);

describe("a digest", () => {
  test.each([`sha256:${hex256}`, `sha512:${hex512}`])("is %s", (text) => {
    expect(isDigest(text)).toBe(true);
    expect(parseDigest(text)).toBe(text);
  });

  test.each([
    ["empty", ""],
    ["without an algorithm", hex256],
    ["without hex", "sha256:"],
    ["of another algorithm", `sha1:${"0".repeat(40)}`],
    ["of another registered algorithm", `blake3:${hex256}`],
    ["in upper case", `sha256:${hex256.toUpperCase()}`],
    ["with an upper-case algorithm", `SHA256:${hex256}`],
    ["one digit short", `sha256:${hex256.slice(1)}`],
    ["one digit long", `sha256:${hex256}0`],
    ["of sha256 with the length of sha512", `sha256:${hex512}`],
    ["of sha512 with the length of sha256", `sha512:${hex256}`],
    ["with a line feed behind it", `sha256:${hex256}\n`],
    ["with a line in front of it", `\nsha256:${hex256}`],
    ["with a space", ` sha256:${hex256}`],
    ["a path", `sha256:../../../../etc/passwd${hex256.slice(26)}`],
    ["with an escape", `sha256%3A${hex256}`],
    ["with a NUL", `sha256:${hex256}\0`],
    ["with a character that is no hex", `sha256:${"g".repeat(64)}`],
    ["with digits of another script", `sha256:${"٠".repeat(64)}`],
  ])("is not what is %s (CVE-2024-3727)", (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(parseDigest(text)).toBeUndefined();
  });

  test("is taken apart into its algorithm and its hex", () => {
    const short = digestOf(Buffer.from("x"));
    const long = digestOf(Buffer.from("x"), "sha512");
    expect([digestAlgorithm(short), digestAlgorithm(long)]).toEqual(["sha256", "sha512"]);
    expect([digestHex(short).length, digestHex(long).length]).toEqual([64, 128]);
    expect(`sha512:${digestHex(long)}`).toBe(long);
  });

  test("is the hash of the bytes", () => {
    const bytes = Buffer.from("some layer");
    expect(digestOf(bytes)).toBe(`sha256:${createHash("sha256").update(bytes).digest("hex")}`);
    expect(digestOf(bytes, "sha512")).toBe(`sha512:${createHash("sha512").update(bytes).digest("hex")}`);
    expect(digestOf(Buffer.alloc(0))).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});
