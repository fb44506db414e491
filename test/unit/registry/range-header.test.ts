import { describe, expect, test } from "vitest";
import { spanOf } from "../../../src/cache/index.ts";
import { parseRange } from "../../../src/registry/range-header.ts";

describe("a Range header", () => {
  test.each([
    ["bytes=0-", { kind: "from", first: 0, last: undefined }],
    ["bytes=5-9", { kind: "from", first: 5, last: 9 }],
    ["bytes=7-7", { kind: "from", first: 7, last: 7 }],
    ["bytes=-5", { kind: "suffix", length: 5 }],
    ["bytes=-0", { kind: "suffix", length: 0 }],
    ["Bytes=1-2", { kind: "from", first: 1, last: 2 }],
    ["bytes= 1-2 ", { kind: "from", first: 1, last: 2 }],
    ["bytes=0001-0002", { kind: "from", first: 1, last: 2 }],
  ])("%s names a part", (header, range) => {
    expect(parseRange(header)).toEqual(range);
  });

  test.each([
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=9-5",
    "bytes=0-1,5-6",
    "bytes=0-1,",
    "bytes=a-b",
    "bytes=1-2x",
    "bytes=1.5-2",
    "bytes=--5",
    "bytes=+1-2",
    "bytes 0-5",
    "items=0-5",
    "none",
    "bytes=0x10-0x20",
  ])("%j is ignored: the whole blob is a proper answer", (header) => {
    expect(parseRange(header)).toBeUndefined();
  });

  test("may name numbers of any length", () => {
    const huge = "9".repeat(400);
    expect(spanOf(parseRange(`bytes=0-${huge}`) ?? { kind: "suffix", length: 0 }, 10)).toEqual({ start: 0, end: 10 });
    expect(spanOf(parseRange(`bytes=-${huge}`) ?? { kind: "suffix", length: 0 }, 10)).toEqual({ start: 0, end: 10 });
    expect(spanOf(parseRange(`bytes=${huge}-`) ?? { kind: "suffix", length: 0 }, 10)).toBeUndefined();
    expect(spanOf(parseRange(`bytes=${huge}-${huge}`) ?? { kind: "suffix", length: 0 }, 10)).toBeUndefined();
  });
});
