import { describe, expect, it } from "vitest";
import { formatVia, maxCaches, parseVia, pseudonymOf } from "../../../src/chain/index.ts";

const one = pseudonymOf("0123456789abcdef");
const other = pseudonymOf("fedcba9876543210");

describe("Via", () => {
  it("is read as it is written, the cache next to the client first", () => {
    expect(formatVia([one, other])).toBe(`1.1 ${one}, 1.1 ${other}`);
    expect(parseVia(formatVia([one, other]))).toEqual([one, other]);
  });

  it("names caches of our kind among other proxies, with comments and other versions", () => {
    expect(parseVia(`1.0 fred, HTTP/1.1 ${one} (entrepot), 1.1 p.example.net (Apache/1.1),2 ${other}`)).toEqual([
      one,
      other,
    ]);
  });

  it.each([
    undefined,
    "",
    "1.1",
    "1.1 entrepot",
    "1.1 entrepot-0123456789ABCDEF",
    `1.1 ${one}x`,
    one,
    "1.1 x\r\ny: entrepot-1",
  ])("names nobody where nobody of our kind is: %j", (value) => {
    expect(parseVia(value)).toEqual([]);
  });

  it("is not read further than there can be caches", () => {
    const many = Array.from({ length: 100 }, (_, number) => pseudonymOf(number.toString(16).padStart(16, "0")));
    expect(parseVia(formatVia(many))).toHaveLength(maxCaches + 1);
  });
});
