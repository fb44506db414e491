import { describe, expect, test } from "vitest";
import { pageOf, parsePageSize } from "../../../src/registry/list-pages.ts";
import { refusalOf } from "./refusal.ts";

describe("the page size", () => {
  test("is what the query says, and nothing where it says nothing", () => {
    expect([parsePageSize(undefined), parsePageSize("0"), parsePageSize("7"), parsePageSize("007")]).toEqual([
      undefined,
      0,
      7,
      7,
    ]);
  });

  test("is bounded, whatever is asked for (CVE-2023-2253)", () => {
    expect(parsePageSize("999999999")).toBe(10_000);
  });

  test.each(["", "-1", "1.5", "1e3", "0x10", " 5", "ten", "9999999999", "٣"])("%j is refused", (text) => {
    expect(refusalOf(() => parsePageSize(text)).code).toBe("NAME_INVALID");
  });
});

describe("a page of tags", () => {
  const tags = ["b", "a", "_x", "B", "10", "9", "a-1", "a.1"];

  test("is everything in byte order where no size is asked for", () => {
    expect(pageOf(tags, undefined, undefined)).toEqual({
      items: ["10", "9", "B", "_x", "a", "a-1", "a.1", "b"],
      nextAfter: undefined,
    });
  });

  test("names its last item where there is more, and only then", () => {
    expect(pageOf(tags, 2, undefined)).toEqual({ items: ["10", "9"], nextAfter: "9" });
    expect(pageOf(tags, 8, undefined).nextAfter).toBeUndefined();
    expect(pageOf(tags, 3, "_x")).toEqual({ items: ["a", "a-1", "a.1"], nextAfter: "a.1" });
    expect(pageOf(tags, 4, "_x")).toEqual({ items: ["a", "a-1", "a.1", "b"], nextAfter: undefined });
  });

  test("begins behind `last`, whether or not there is such a tag", () => {
    expect(pageOf(tags, undefined, "a.1").items).toEqual(["b"]);
    expect(pageOf(tags, undefined, "aa").items).toEqual(["b"]);
    expect(pageOf(tags, undefined, "zz").items).toEqual([]);
  });

  test("of size 0 is empty and the last one", () => {
    expect(pageOf(tags, 0, undefined)).toEqual({ items: [], nextAfter: undefined });
  });

  test("does not change the list it is made from", () => {
    const given = ["b", "a"];
    pageOf(given, 1, undefined);
    expect(given).toEqual(["b", "a"]);
  });
});
