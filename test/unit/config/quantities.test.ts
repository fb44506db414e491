import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatAmount,
  formatDuration,
  formatRate,
  formatSize,
  parseAmount,
  parseDuration,
  parseRate,
  parseShare,
  parseSize,
} from "../../../src/config/quantities.ts";

describe("sizes", () => {
  it.each([
    ["10GiB", 10 * 1024 ** 3],
    ["500MB", 500_000_000],
    ["1.5 KiB", 1536],
    ["64mib", 64 * 1024 ** 2],
    ["4096", 4096],
    ["12B", 12],
    [1_048_576, 1_048_576],
    [0, 0],
  ])("reads %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    "",
    "10G",
    "GiB",
    "-1",
    "1e3",
    "10 apples",
    "9999999PiB",
    "0x10",
    -1,
    1.5,
    Number.NaN,
    true,
    null,
    undefined,
    [],
  ])("refuses %s", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.constantFrom(1, 1000, 1024, 1024 ** 2), (count, unit) => {
        const bytes = count * unit;
        fc.pre(Number.isSafeInteger(bytes));
        expect(parseSize(formatSize(bytes))).toBe(bytes);
        expect(parseRate(formatRate(bytes))).toBe(bytes);
      }),
    );
  });
});

describe("durations", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["0.5s", 500],
    [0, 0],
    ["0", 0],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "30", 30, "5 minutes", "-1s", "1w", "m", null, true])(
    "refuses %s, whose unit would be a guess",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.nat(1e8), fc.constantFrom(1, 1000, 60_000, 86_400_000), (count, unit) => {
        expect(parseDuration(formatDuration(count * unit))).toBe(count * unit);
      }),
    );
  });
});

describe("shares, amounts and rates", () => {
  it("reads a share as a part of one", () => {
    expect(parseShare("10%")).toBe(0.1);
    expect(parseShare("12.5 %")).toBe(0.125);
    expect(parseShare("101%")).toBeUndefined();
    expect(parseShare("0.1")).toBeUndefined();
  });

  it("tells a share from a size", () => {
    expect(parseAmount("10%")).toEqual({ kind: "share", share: 0.1 });
    expect(parseAmount("1KiB")).toEqual({ kind: "bytes", bytes: 1024 });
    expect(parseAmount("much")).toBeUndefined();
  });

  it("writes a share without the rounding of binary fractions", () => {
    expect(formatAmount({ kind: "share", share: 0.07 })).toBe("7%");
    expect(formatAmount({ kind: "share", share: 0.29 })).toBe("29%");
  });

  it("reads a rate with or without its slash", () => {
    expect(parseRate("1KiB/s")).toBe(1024);
    expect(parseRate("5 MB / s")).toBe(5_000_000);
    expect(parseRate(0)).toBe(0);
    expect(parseRate("1KiB/m")).toBeUndefined();
  });
});
