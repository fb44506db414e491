import { describe, expect, it } from "vitest";
import { ExpiringMap } from "../../../src/access/expiring-map.ts";

describe("a map whose entries expire", () => {
  it("gives a value until its time, and not at it", () => {
    let now = 0;
    const map = new ExpiringMap<string>(10, () => now);
    map.set("a", "one", 1000);
    now = 999;
    expect(map.get("a")).toBe("one");
    now = 1000;
    expect(map.get("a")).toBeUndefined();
  });

  it("holds no more than its most, and drops what was not asked for the longest", () => {
    const map = new ExpiringMap<number>(2, () => 0);
    map.set("a", 1, 1000);
    map.set("b", 2, 1000);
    map.get("a");
    map.set("c", 3, 1000);
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
  });
});
