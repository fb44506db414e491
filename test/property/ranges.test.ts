import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spanOf } from "../../src/cache/index.ts";
import { parseRange } from "../../src/registry/range-header.ts";

const size = fc.integer({ min: 0, max: 40 });
const number = fc.integer({ min: 0, max: 50 });

/** The bytes that a header asks for, by asking every byte; "all" where it is to be ignored, "none" for 416. */
function model(header: string, length: number): number[] | "all" | "none" {
  const [first = "", last = ""] = header.slice("bytes=".length).split("-");
  if (first === "" && last === "") return "all";
  if (first !== "" && last !== "" && Number(last) < Number(first)) return "all";
  const bytes = Array.from({ length }, (_, at) => at).filter((at) => {
    if (first === "") return at >= length - Number(last);
    return at >= Number(first) && (last === "" || at <= Number(last));
  });
  return bytes.length === 0 ? "none" : bytes;
}

function answer(header: string, length: number): number[] | "all" | "none" {
  const range = parseRange(header);
  if (!range) return "all";
  const span = spanOf(range, length);
  return span ? Array.from({ length: span.end - span.start }, (_, at) => span.start + at) : "none";
}

describe("the arithmetic of ranges", () => {
  test("selects exactly the bytes that RFC 9110 names", () => {
    const header = fc
      .tuple(fc.option(number, { nil: "" }), fc.option(number, { nil: "" }))
      .map(([first, last]) => `bytes=${first}-${last}`);
    fc.assert(
      fc.property(header, size, (text, length) => {
        expect(answer(text, length)).toEqual(model(text, length));
      }),
      { numRuns: 5000 },
    );
  });

  test("stays within the blob for numbers of any size", () => {
    const huge = fc.bigInt({ min: 0n, max: 10n ** 30n });
    const header = fc
      .tuple(fc.option(huge, { nil: "" }), fc.option(huge, { nil: "" }))
      .map(([first, last]) => `bytes=${first}-${last}`);
    fc.assert(
      fc.property(header, fc.maxSafeNat(), (text, length) => {
        const range = parseRange(text);
        const span = range && spanOf(range, length);
        if (!span) return;
        expect(Number.isSafeInteger(span.start) && Number.isSafeInteger(span.end)).toBe(true);
        expect(0 <= span.start && span.start < span.end && span.end <= length).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("is total: any header at all is a range or ignored", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.string().map((text) => `bytes=${text}`),
        ),
        size,
        (text, length) => {
          const range = parseRange(text);
          if (range) spanOf(range, length);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
