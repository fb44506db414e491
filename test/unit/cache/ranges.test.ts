import { describe, expect, test } from "vitest";
import { spanOf } from "../../../src/cache/index.ts";

describe("a range of a blob of 10 bytes", () => {
  test.each([
    ["from the start", { kind: "from", first: 0, last: undefined }, { start: 0, end: 10 }],
    ["in the middle", { kind: "from", first: 2, last: 4 }, { start: 2, end: 5 }],
    ["of one byte", { kind: "from", first: 9, last: 9 }, { start: 9, end: 10 }],
    [
      "with an end one past the blob, as an older docker asks",
      { kind: "from", first: 5, last: 10 },
      { start: 5, end: 10 },
    ],
    ["with an end far past the blob", { kind: "from", first: 5, last: 1e15 }, { start: 5, end: 10 }],
    ["that is a suffix", { kind: "suffix", length: 3 }, { start: 7, end: 10 }],
    ["that is a suffix longer than the blob", { kind: "suffix", length: 11 }, { start: 0, end: 10 }],
  ] as const)("%s is a span", (_, range, span) => {
    expect(spanOf(range, 10)).toEqual(span);
  });

  test.each([
    ["at its end", { kind: "from", first: 10, last: undefined }],
    ["behind its end", { kind: "from", first: 11, last: 20 }],
    ["that is an empty suffix", { kind: "suffix", length: 0 }],
  ] as const)("%s is not there: 416", (_, range) => {
    expect(spanOf(range, 10)).toBeUndefined();
  });
});

test("no range of an empty blob is there", () => {
  expect(spanOf({ kind: "from", first: 0, last: undefined }, 0)).toBeUndefined();
  expect(spanOf({ kind: "suffix", length: 5 }, 0)).toBeUndefined();
});
