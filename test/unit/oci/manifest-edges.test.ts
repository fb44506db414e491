import { describe, expect, test } from "vitest";
import { digestOf, ManifestInvalid, parseManifest, type ManifestFacts } from "../../../src/oci/index.ts";

const config = { mediaType: "application/config", digest: digestOf(Buffer.from("config")), size: 6 };
const layer = { mediaType: "application/layer", digest: digestOf(Buffer.from("layer"), "sha512"), size: 5 };
const subject = { mediaType: "application/subject", digest: digestOf(Buffer.from("subject")), size: 0 };
const image = { schemaVersion: 2, config, layers: [layer] };

function parse(document: unknown): ManifestFacts {
  return parseManifest(Buffer.from(JSON.stringify(document)));
}

describe("the digests that a manifest names", () => {
  test("are its config, its layers in their order, and its subject", () => {
    expect(parse({ ...image, layers: [layer, config, layer], subject }).edges).toEqual([
      { role: "config", digest: config.digest, size: 6 },
      { role: "layer", digest: layer.digest, size: 5 },
      { role: "layer", digest: config.digest, size: 6 },
      { role: "layer", digest: layer.digest, size: 5 },
      { role: "subject", digest: subject.digest, size: 0 },
    ]);
  });

  test("are the children of an index, and its subject", () => {
    expect(parse({ schemaVersion: 2, manifests: [config, layer], subject }).edges).toEqual([
      { role: "child", digest: config.digest, size: 6 },
      { role: "child", digest: layer.digest, size: 5 },
      { role: "subject", digest: subject.digest, size: 0 },
    ]);
  });

  test("may be none: an index may be empty, and so may the layers of an artifact", () => {
    expect(parse({ schemaVersion: 2, manifests: [] }).edges).toEqual([]);
    expect(parse({ ...image, layers: [] }).edges).toHaveLength(1);
  });

  test.each([
    ["is missing", undefined],
    ["is no text", 1],
    ["is a path", "sha256:../../../etc/passwd"],
    ["is of another algorithm", `md5:${"0".repeat(32)}`],
    ["is in upper case", layer.digest.toUpperCase()],
    ["has a line feed behind it", `${config.digest}\n`],
  ])("are checked before anything is done with them: one that %s refuses the manifest", (_, digest) => {
    const bad = { ...layer, digest };
    for (const document of [
      { ...image, layers: [layer, bad] },
      { ...image, config: bad },
      { ...image, subject: bad },
      { schemaVersion: 2, manifests: [config, bad] },
    ]) {
      expect(() => parse(document)).toThrow(ManifestInvalid);
    }
  });

  test.each([
    ["missing", undefined],
    ["negative", -1],
    ["a fraction", 1.5],
    ["text", "5"],
    ["too large", 2 ** 53],
    ["null", null],
  ])("come with a size: one that is %s refuses the manifest", (_, size) => {
    expect(() => parse({ ...image, layers: [{ ...layer, size }] })).toThrow(ManifestInvalid);
    expect(() => parse({ schemaVersion: 2, manifests: [{ ...layer, size }] })).toThrow(ManifestInvalid);
  });

  test.each([
    ["null", null],
    ["a list", []],
    ["text", "sha256:x"],
  ])("are in descriptors: %s is none", (_, value) => {
    expect(() => parse({ ...image, layers: [value] })).toThrow(ManifestInvalid);
    expect(() => parse({ ...image, config: value })).toThrow(ManifestInvalid);
    expect(() => parse({ ...image, subject: value })).toThrow(ManifestInvalid);
  });

  test("are not looked for in `urls`", () => {
    const foreign = { ...layer, urls: ["http://169.254.169.254/latest/meta-data"] };
    expect(parse({ ...image, layers: [foreign] }).edges[1]).toEqual({ role: "layer", digest: layer.digest, size: 5 });
  });
});

describe("the platforms of an index's children", () => {
  const platformOf = (platform: unknown) =>
    parse({ schemaVersion: 2, manifests: [{ ...config, platform }] }).edges[0]?.platform;

  test.each([
    [{ os: "linux", architecture: "amd64" }, "linux/amd64"],
    [{ os: "linux", architecture: "arm64", variant: "v8" }, "linux/arm64"],
    [{ os: "linux", architecture: "arm", variant: "v6" }, "linux/arm/v6"],
    [{ os: "Linux", architecture: "AMD64", variant: "" }, "linux/amd64"],
    [{ os: "linux", architecture: "amd64", variant: null }, "linux/amd64"],
    [{ os: "windows", architecture: "amd64", "os.version": "10.0.20348.2527" }, "windows/amd64"],
    [{ os: "unknown", architecture: "unknown" }, "unknown/unknown"],
  ])("are canonical: %j", (platform, expected) => {
    expect(platformOf(platform)).toBe(expected);
  });

  test.each([
    [undefined],
    [null],
    ["linux/amd64"],
    [["linux", "amd64"]],
    [{}],
    [{ os: "linux" }],
    [{ os: 1, architecture: "amd64" }],
    [{ os: "", architecture: "" }],
    [{ os: "linux", architecture: "amd64", variant: 1 }],
    [{ os: "linux/amd64", architecture: "v1" }],
    [{ os: "linux", architecture: "amd64/v2" }],
    [{ os: "linux", architecture: "x".repeat(65) }],
  ])("are absent, and refuse nothing, where they are %j", (platform) => {
    const [edge] = parse({ schemaVersion: 2, manifests: [{ ...config, platform }] }).edges;
    expect(edge).toStrictEqual({ role: "child", digest: config.digest, size: 6 });
  });

  test("are of children alone", () => {
    const platform = { os: "linux", architecture: "amd64" };
    const described = { ...layer, platform };
    const edges = [
      ...parse({ ...image, config: described, layers: [described], subject: described }).edges,
      ...parse({ schemaVersion: 2, manifests: [], subject: described }).edges,
    ];
    expect(edges.filter((edge) => "platform" in edge)).toEqual([]);
  });
});

describe("the annotations of a manifest", () => {
  test("are kept where they are text, and pollute nothing", () => {
    const annotations = JSON.parse('{"a":"1","b":2,"__proto__":"x","c":null}') as Record<string, unknown>;
    expect(Object.entries(parse({ ...image, annotations }).annotations ?? {})).toEqual([
      ["a", "1"],
      ["__proto__", "x"],
    ]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test.each([[[]], ["text"], [null], [undefined]])("are absent where they are %j", (annotations) => {
    expect(parse({ ...image, annotations }).annotations).toBeUndefined();
  });
});
