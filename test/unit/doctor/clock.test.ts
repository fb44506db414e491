import { describe, expect, it } from "vitest";
import { clockFinding } from "../../../src/doctor/upstreams/clock.ts";

describe("the clock", () => {
  it.each([
    [[], "skipped", "nobody has told the time"],
    [[-400, 900, 300], "ok", "within 1 s of 3 other clocks"],
    [[59_000], "ok", "within 59 s of the one other clock"],
    [[61_000, 61_000], "warning", "this machine's clock is 61 s behind the others"],
    [[-301_000], "failed", "this machine's clock is 301 s ahead of the others"],
    [[100, 200, 86_400_000], "ok", "within 1 s of 3 other clocks"],
  ] as const)("against others that are %j ms ahead is %s", (aheadMs, verdict, says) => {
    expect(clockFinding(aheadMs)).toMatchObject({ verdict, says });
  });
});
