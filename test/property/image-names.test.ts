import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob } from "../../src/oci/glob.ts";
import {
  formatImageName,
  ImageNameInvalid,
  parseImageName,
  parseImagePattern,
  parsePlatform,
  type Digest,
  type ImageName,
  type Reference,
  type RepositoryName,
  type Tag,
} from "../../src/oci/index.ts";

function stringOf(characters: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength, maxLength });
}

const word = stringOf("abcxyz0189", 1, 5);
const pathPart = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), word), { maxLength: 3 }))
  .map(([first, rest]) => first + rest.flat().join(""));
const path = fc.array(pathPart, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
const host = fc.oneof(
  fc.constantFrom("localhost", "ghcr.io", "docker.io"),
  fc.tuple(word, word).map(([one, other]) => `${one}.${other}`),
);
const upstream = fc.oneof(
  host,
  fc.tuple(fc.oneof(host, word), fc.integer({ min: 1, max: 65_535 })).map(([name, port]) => `${name}:${port}`),
);
const tag = fc
  .tuple(stringOf("aZ09_", 1, 1), stringOf("aZ09_.-", 0, 127))
  .map(([first, rest]): Reference => ({ kind: "tag", tag: (first + rest) as Tag }));
const hex = "0123456789abcdef";
const digest = fc
  .oneof(
    stringOf(hex, 64, 64).map((text) => `sha256:${text}`),
    stringOf(hex, 128, 128).map((text) => `sha512:${text}`),
  )
  .map((text): Reference => ({ kind: "digest", digest: text as Digest }));

const imageName: fc.Arbitrary<ImageName> = fc
  .record({ upstream, path, reference: fc.oneof(tag, digest) })
  .map((given) => ({
    upstream: given.upstream,
    repository: (given.upstream === "docker.io" && !given.path.includes("/")
      ? `library/${given.path}`
      : given.path) as RepositoryName,
    reference: given.reference,
  }));

/** Text that comes close to a name or a pattern, besides any text at all. */
const nearName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.oneof(word, upstream, fc.constantFrom("/", ":", "@", "*", "**", "/**/", ".", "docker.io", "sha256:", "A")),
      { maxLength: 8 },
    )
    .map((parts) => parts.join("")),
  fc
    .tuple(stringOf("ab.:*", 1, 6), stringOf("ab/*.-", 1, 12), stringOf("ab*.-", 1, 5))
    .map(([first, name, last]) => `${first}/${name}:${last}`),
);

function orRefusal<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ImageNameInvalid) return undefined;
    throw error;
  }
}

describe("image names", () => {
  test("are read back as they were written", () => {
    fc.assert(
      fc.property(imageName, (name) => {
        expect(parseImageName(formatImageName(name))).toEqual(name);
      }),
      { numRuns: 2000 },
    );
  });

  test("have one canonical text, which means the same; any other text is refused in words", () => {
    fc.assert(
      fc.property(nearName, (text) => {
        const name = orRefusal(() => parseImageName(text));
        if (name) expect(parseImageName(formatImageName(name))).toEqual(name);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("image patterns", () => {
  test("without a wildcard are the names, and match that image alone", () => {
    fc.assert(
      fc.property(imageName, imageName, (name, other) => {
        const pattern = parseImagePattern(formatImageName(name));
        expect(pattern.exact).toEqual(name);
        expect(pattern.text).toBe(formatImageName(name));
        expect(pattern.matches(name, name.reference)).toBe(true);
        expect(pattern.matches(other, other.reference)).toBe(formatImageName(other) === formatImageName(name));
      }),
      { numRuns: 1000 },
    );
  });

  test("have one canonical text; any other text is refused in words", () => {
    fc.assert(
      fc.property(nearName, (text) => {
        const pattern = orRefusal(() => parseImagePattern(text));
        if (!pattern) return;
        const again = parseImagePattern(pattern.text);
        expect({ text: again.text, exact: again.exact }).toEqual({ text: pattern.text, exact: pattern.exact });
      }),
      { numRuns: 5000 },
    );
  });
});

describe("globs", () => {
  /** What a glob means, without a care for time. */
  function expressionOf(glob: string): RegExp {
    const source = glob.replace(/[.-]/g, "\\$&").replace(/(?<=^|\/)\*{2,}\/|\*{2,}|\*/g, (wildcard) => {
      if (wildcard === "*") return "[^/]*";
      return wildcard.endsWith("/") ? "(?:.*/)?" : ".*";
    });
    return new RegExp(`^${source}$`, "s");
  }

  test("match what the regular expressions match that they stand for", () => {
    const glob = fc
      .array(fc.constantFrom("a", "b", "/", "*", "**", "/**/", "**/", "."), { maxLength: 8 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(glob, fc.array(stringOf("ab/.", 0, 8), { minLength: 1, maxLength: 5 }), (pattern, texts) => {
        const compiled = compileGlob(pattern);
        const expression = expressionOf(pattern);
        for (const text of texts) {
          expect([pattern, text, compiled.matches(text)]).toEqual([pattern, text, expression.test(text)]);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("platforms", () => {
  test("have one canonical text", () => {
    const words = fc.constantFrom(
      "linux",
      "macos",
      "arm",
      "ARMHF",
      "aarch64",
      "amd64",
      "v1",
      "v8",
      "8",
      "7",
      "",
      "x/y",
    );
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 4 }), (parts) => {
        const platform = parsePlatform(parts.join("/"));
        if (platform !== undefined) expect(parsePlatform(platform)).toBe(platform);
      }),
      { numRuns: 2000 },
    );
  });
});
