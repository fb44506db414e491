import { describe, expect, test } from "vitest";
import { digestOf } from "../../../src/oci/index.ts";
import { ifNoneMatchMatches, ifRangeAllows } from "../../../src/registry/range-header.ts";

const digest = digestOf(Buffer.from("x"));
const other = digestOf(Buffer.from("y"));
const etag = `"${digest}"`;

describe("If-None-Match", () => {
  test.each([
    ["our tag", etag],
    ["any tag", "*"],
    ["our tag, weak: the comparison is a weak one", `W/${etag}`],
    ["our tag among others", `"${other}", ${etag}`],
    ["our tag in front of others, without a space", `${etag},"${other}"`],
    ["our weak tag among others", `W/"${other}" , W/${etag} `],
  ])("matches %s", (_, header) => {
    expect(ifNoneMatchMatches(header, etag)).toBe(true);
  });

  test.each([
    ["nothing", undefined],
    ["an empty header", ""],
    ["another tag", `"${other}"`],
    ["our digest without quotes", digest],
    ["our tag with something in front", `x${etag}`],
    ["our tag in lower-case weakness", `w/${etag}`],
    ["the hex alone", `"${digest.slice(7)}"`],
  ])("does not match %s", (_, header) => {
    expect(ifNoneMatchMatches(header, etag)).toBe(false);
  });
});

describe("If-Range", () => {
  test("allows the range where it is absent, or exactly our tag", () => {
    expect(ifRangeAllows(undefined, etag)).toBe(true);
    expect(ifRangeAllows(etag, etag)).toBe(true);
  });

  test.each([
    ["another tag", `"${other}"`],
    ["our tag, weak: the comparison is a strong one", `W/${etag}`],
    ["our digest without quotes", digest],
    ["a date", "Wed, 21 Oct 2015 07:28:00 GMT"],
    ["an empty header", ""],
  ])("does not allow it for %s", (_, header) => {
    expect(ifRangeAllows(header, etag)).toBe(false);
  });
});
