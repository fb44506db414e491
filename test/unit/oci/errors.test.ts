import { describe, expect, test } from "vitest";
import { RegistryError, type ErrorCode } from "../../../src/oci/index.ts";

/** The table of ARCHITECTURE section 6. */
const table: [ErrorCode, number, string][] = [
  ["NAME_INVALID", 400, "NAME_INVALID"],
  ["DIGEST_INVALID", 400, "DIGEST_INVALID"],
  ["UNAUTHORIZED", 401, "UNAUTHORIZED"],
  ["DENIED", 403, "DENIED"],
  ["NAME_UNKNOWN", 404, "NAME_UNKNOWN"],
  ["MANIFEST_UNKNOWN", 404, "MANIFEST_UNKNOWN"],
  ["BLOB_UNKNOWN", 404, "BLOB_UNKNOWN"],
  ["NOT_FOUND", 404, "UNSUPPORTED"],
  ["UNSUPPORTED", 405, "UNSUPPORTED"],
  ["UNKNOWN", 500, "UNKNOWN"],
  ["BAD_UPSTREAM", 502, "UNAVAILABLE"],
  ["TOOMANYREQUESTS", 503, "TOOMANYREQUESTS"],
  ["UNAVAILABLE", 503, "UNAVAILABLE"],
  ["UPSTREAM_TIMEOUT", 504, "UNAVAILABLE"],
];

describe("an error for a client", () => {
  test.each(table)("%s is a %i that says %s", (code, status, wireCode) => {
    const error = new RegistryError(code, "words");
    expect(error.status).toBe(status);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ errors: [{ code: wireCode, message: "words" }] });
  });

  test("shows its detail, and neither its cause nor its stack", () => {
    const error = new RegistryError("UNKNOWN", "words", { detail: { upstream: "a" }, cause: new Error("a secret") });
    expect(error.toJSON().errors).toEqual([{ code: "UNKNOWN", message: "words", detail: { upstream: "a" } }]);
    expect(JSON.stringify(error)).not.toContain("secret");
  });

  test("is never a 408 or a 429, which containerd tries again at once on the same mirror", () => {
    const statuses = table.map(([code]) => new RegistryError(code, "").status);
    expect(statuses.filter((status) => status === 408 || status === 429)).toEqual([]);
  });
});
