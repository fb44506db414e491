import { describe, expect, it } from "vitest";
import { parseHops, withHops } from "../../../src/chain/index.ts";

describe("Cache-Status", () => {
  it.each([
    ["entrepot; hit", undefined],
    ["entrepot; hit; ttl=60", undefined],
    ["entrepot; hit; ttl=-120; detail=stale-upstream-unreachable", "stale-upstream-unreachable"],
    ["entrepot; fwd=miss; stored", undefined],
    ["entrepot; detail=TOOMANYREQUESTS", "TOOMANYREQUESTS"],
    ["entrepot; hit; ttl=-5; detail=cooldown, entrepot; hit; ttl=9", undefined],
  ])("of a cache of our kind is understood: %s", (text, detail) => {
    expect(parseHops(text)).toEqual({ text, detail });
  });

  it.each([
    undefined,
    "",
    "ExampleCache; hit",
    "entrepotx; hit",
    '"entrepot"; hit',
    "entrepot hit",
    "entrepot; detail=<a>",
  ])("of others says nothing: %j", (value) => {
    expect(parseHops(value)).toBeUndefined();
  });

  it("keeps the members of our kind, in their order, and drops what others have put between them", () => {
    const value = 'entrepot; fwd=miss; stored, "A CDN"; hit; detail="x, y",entrepot; hit; ttl=1 , Other; fwd=uri-miss';
    expect(parseHops(value)?.text).toBe("entrepot; fwd=miss; stored, entrepot; hit; ttl=1");
  });

  it("has no more members than there can be caches", () => {
    const { text = "" } = parseHops(Array.from({ length: 50 }, () => "entrepot; hit").join(",")) ?? {};
    expect(text.split(",")).toHaveLength(8);
  });

  it("grows by our own member at its end", () => {
    expect(withHops("entrepot; hit; ttl=60", "entrepot; fwd=miss; stored")).toBe(
      "entrepot; hit; ttl=60, entrepot; fwd=miss; stored",
    );
    expect(withHops(undefined, "entrepot; hit")).toBe("entrepot; hit");
  });
});
