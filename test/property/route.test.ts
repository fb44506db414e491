import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RegistryError, type Digest, type Reference, type RepositoryName, type Tag } from "../../src/oci/index.ts";
import { formatRoute, parseRoute, type Route } from "../../src/registry/route.ts";

function stringOf(characters: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength, maxLength });
}

const alphanumeric = "abcxyz0189";
const pathPart = fc
  .tuple(
    stringOf(alphanumeric, 1, 5),
    fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), stringOf(alphanumeric, 1, 4)), { maxLength: 3 }),
  )
  .map(([first, rest]) => first + rest.flat().join(""));
/** The words of the paths themselves are names too. */
const word = fc.constantFrom("manifests", "blobs", "tags", "list", "referrers", "v2", "uploads", "docker.io");
const name = fc
  .array(fc.oneof(pathPart, word), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join("/") as RepositoryName);
const hex = "0123456789abcdef";
const digest = fc.oneof(
  stringOf(hex, 64, 64).map((text) => `sha256:${text}` as Digest),
  stringOf(hex, 128, 128).map((text) => `sha512:${text}` as Digest),
);
const tag = fc
  .tuple(stringOf("aZ09_", 1, 1), stringOf("aZ09_.-", 0, 127))
  .map(([first, rest]) => (first + rest) as Tag);
const reference: fc.Arbitrary<Reference> = fc.oneof(
  tag.map((text) => ({ kind: "tag" as const, tag: text })),
  digest.map((text) => ({ kind: "digest" as const, digest: text })),
);
const route: fc.Arbitrary<Route> = fc.oneof(
  fc.constant<Route>({ kind: "ping" }),
  fc.record({ kind: fc.constant("manifest" as const), name, reference }),
  fc.record({ kind: fc.constant("blob" as const), name, digest }),
  fc.record({ kind: fc.constant("tags" as const), name }),
  fc.record({ kind: fc.constant("referrers" as const), name, digest }),
);

/** Paths that come close to a route, besides any string at all. */
const nearPath = fc
  .array(fc.oneof(word, pathPart, digest, fc.string(), fc.constantFrom("", ".", "..", "sha256:", "%2e", "\0")), {
    maxLength: 8,
  })
  .map((parts) => `/v2/${parts.join("/")}`);

function routeOrRefusal(path: string): Route | RegistryError {
  try {
    return parseRoute(path);
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

describe("the route parser", () => {
  test("gives a route or a refusal for any string", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), nearPath), (path) => {
        const result = routeOrRefusal(path);
        if (result instanceof RegistryError) expect([400, 404]).toContain(result.status);
      }),
      { numRuns: 2000 },
    );
  });

  test("accepts nothing that it would write otherwise: one path, one meaning", () => {
    fc.assert(
      fc.property(fc.oneof(nearPath, route.map(formatRoute)), (path) => {
        const result = routeOrRefusal(path);
        if (!(result instanceof RegistryError) && path !== "/v2") expect(formatRoute(result)).toBe(path);
      }),
      { numRuns: 2000 },
    );
  });

  test("reads back every route that is written", () => {
    fc.assert(
      fc.property(route, (written) => {
        expect(parseRoute(formatRoute(written))).toEqual(written);
      }),
      { numRuns: 2000 },
    );
  });
});
