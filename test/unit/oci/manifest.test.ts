import { describe, expect, test } from "vitest";
import {
  contentTypeAgrees,
  digestOf,
  ManifestInvalid,
  mediaTypes,
  parseManifest,
  type ManifestFacts,
} from "../../../src/oci/index.ts";

const digest = digestOf(Buffer.from("x"));
const descriptor = { mediaType: "application/octet-stream", digest, size: 1 };
const image = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };

function parse(document: unknown): ManifestFacts {
  return parseManifest(Buffer.from(JSON.stringify(document)));
}

function refusalOf(bytes: unknown): ManifestInvalid {
  try {
    parseManifest(Buffer.isBuffer(bytes) ? bytes : Buffer.from(JSON.stringify(bytes)));
  } catch (error) {
    if (error instanceof ManifestInvalid) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the media type of a manifest", () => {
  test.each([
    ["an OCI manifest", { ...image, mediaType: mediaTypes.ociManifest }, mediaTypes.ociManifest, "image"],
    ["a Docker manifest", { ...image, mediaType: mediaTypes.dockerManifest }, mediaTypes.dockerManifest, "image"],
    ["an OCI index", { ...index, mediaType: mediaTypes.ociIndex }, mediaTypes.ociIndex, "index"],
    ["a Docker list", { ...index, mediaType: mediaTypes.dockerList }, mediaTypes.dockerList, "index"],
    ["config and layers without a type", image, mediaTypes.ociManifest, "image"],
    ["manifests without a type", index, mediaTypes.ociIndex, "index"],
  ])("is a function of the bytes: %s", (_, document, mediaType, kind) => {
    expect(parse(document)).toMatchObject({ mediaType, kind });
  });

  test.each([
    ["an index that says it is a manifest", { ...index, mediaType: mediaTypes.ociManifest }],
    ["a manifest that says it is an index", { ...image, mediaType: mediaTypes.ociIndex }],
    ["a manifest that says it is a Docker list", { ...image, mediaType: mediaTypes.dockerList }],
    ["a type nobody knows", { ...image, mediaType: "application/json" }],
    ["a type with a parameter", { ...image, mediaType: `${mediaTypes.ociManifest}; charset=utf-8` }],
    ["a type that is no text", { ...image, mediaType: 2 }],
    ["a type that is null", { ...image, mediaType: null }],
  ])("is refused where it contradicts the bytes: %s", (_, document) => {
    expect(refusalOf(document).isSchema1).toBe(false);
  });

  test.each([
    ["`manifests` and `layers`", { ...index, layers: [descriptor] }],
    ["`manifests` and `config`", { ...index, config: descriptor }],
    ["both, with a type that decides for one", { ...index, ...image, mediaType: mediaTypes.ociIndex }],
    ["both, one of them empty", { ...image, manifests: [] }],
    ["both, one of them null", { ...image, manifests: null }],
  ])("is not guessed for a document with %s (CVE-2021-41190)", (_, document) => {
    expect(refusalOf(document).message).toContain("both");
  });

  test("agrees with the same Content-Type and with one that says nothing, not with another manifest's or a page's", () => {
    for (const header of [
      undefined,
      "",
      "application/json",
      "text/plain; charset=utf-8",
      "application/octet-stream",
      mediaTypes.ociManifest,
      `${mediaTypes.ociManifest}; charset=utf-8`,
      mediaTypes.ociManifest.toUpperCase(),
    ]) {
      expect([header, contentTypeAgrees(header, mediaTypes.ociManifest)]).toEqual([header, true]);
    }
    for (const header of [
      mediaTypes.ociIndex,
      mediaTypes.dockerManifest,
      mediaTypes.dockerSchema1,
      mediaTypes.dockerSchema1Signed,
      "text/html",
      "Text/HTML; charset=utf-8",
    ]) {
      expect([header, contentTypeAgrees(header, mediaTypes.ociManifest)]).toEqual([header, false]);
    }
  });
});

describe("what is no manifest", () => {
  test.each([
    ["nothing", Buffer.alloc(0)],
    ["a page for people", Buffer.from("<!doctype html><title>Sign in</title>")],
    ["half a document", Buffer.from('{"schemaVersion":2,')],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["a list", [image]],
    ["a text", "manifest"],
    ["null", null],
    ["an empty object", {}],
    ["neither manifests nor layers", { schemaVersion: 2 }],
    ["an OCI artifact manifest", { schemaVersion: 2, blobs: [descriptor] }],
    ["no schemaVersion", { config: descriptor, layers: [] }],
    ["a schemaVersion that is text", { ...image, schemaVersion: "2" }],
    ["a later schemaVersion", { ...image, schemaVersion: 3 }],
    ["layers without a config", { schemaVersion: 2, layers: [descriptor] }],
    ["a config without layers", { schemaVersion: 2, config: descriptor }],
    ["layers that are no list", { ...image, layers: {} }],
    ["manifests that are no list", { ...index, manifests: "all" }],
  ])("is refused: %s", (_, document) => {
    expect(refusalOf(document).isSchema1).toBe(false);
  });

  test.each([
    ["by schemaVersion", { schemaVersion: 1, fsLayers: [], history: [] }],
    ["by its type", { ...image, mediaType: mediaTypes.dockerSchema1 }],
    ["by its signed type", { ...image, schemaVersion: 1, mediaType: mediaTypes.dockerSchema1Signed }],
  ])("is refused in words when it is Docker schema 1 %s", (_, document) => {
    const refusal = refusalOf(document);
    expect(refusal.isSchema1).toBe(true);
    expect(refusal.message).toContain("schema 1");
  });
});

describe("the artifact type", () => {
  test("is `artifactType`, else the config's media type", () => {
    expect(parse({ ...image, artifactType: "application/sbom" }).artifactType).toBe("application/sbom");
    expect(parse(image).artifactType).toBe(descriptor.mediaType);
    expect(parse(index).artifactType).toBeUndefined();
    expect(parse({ ...image, artifactType: 1 }).artifactType).toBe(descriptor.mediaType);
  });
});
