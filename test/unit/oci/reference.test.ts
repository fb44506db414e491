import { describe, expect, test } from "vitest";
import { digestOf, formatReference, parseReference, parseTag, referrersTag } from "../../../src/oci/index.ts";

const digest = digestOf(Buffer.from("a manifest"));
const longDigest = digestOf(Buffer.from("a manifest"), "sha512");

describe("a tag", () => {
  test.each(["latest", "3", "_internal", "v1.2.3-rc.1_amd64", "UPPER", "a..b", "x".repeat(128)])("is %s", (text) => {
    expect(parseTag(text)).toBe(text);
  });

  test.each(["", ".hidden", "-dash", "a b", "a/b", "a:b", "a@b", "ä", "a\n", "a%2e", "x".repeat(129)])(
    "is not %j",
    (text) => {
      expect(parseTag(text)).toBeUndefined();
    },
  );
});

describe("a reference", () => {
  test("with a colon is a digest or nothing, never a tag", () => {
    expect(parseReference(digest)).toEqual({ kind: "digest", digest });
    expect(parseReference(longDigest)).toEqual({ kind: "digest", digest: longDigest });
    expect(parseReference("sha256:abc")).toBeUndefined();
    expect(parseReference("latest:1")).toBeUndefined();
  });

  test("without a colon is a tag, even where it looks like a digest", () => {
    const lookalike = digest.replace(":", "-");
    expect(parseReference(lookalike)).toEqual({ kind: "tag", tag: lookalike });
    expect(parseReference("")).toBeUndefined();
  });

  test("is formatted as it was written", () => {
    for (const text of ["latest", digest, longDigest]) {
      const reference = parseReference(text);
      expect(reference && formatReference(reference)).toBe(text);
    }
  });
});

describe("the tag of the referrers", () => {
  test("is algorithm and hex with a dash between them", () => {
    expect(referrersTag(digest)).toBe(digest.replace(":", "-"));
  });

  test("holds at most 64 digits of the hex, so that every client looks under the same tag", () => {
    const hex = longDigest.slice("sha512:".length);
    expect(referrersTag(longDigest)).toBe(`sha512-${hex.slice(0, 64)}`);
  });

  test("is a tag for both algorithms", () => {
    expect(parseTag(referrersTag(digest))).toBeDefined();
    expect(parseTag(referrersTag(longDigest))).toBeDefined();
  });
});
