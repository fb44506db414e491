import { describe, expect, it } from "vitest";
import { CursorInvalid, type Image, type ImageDetail } from "../../../src/inventory/index.ts";
import { parseImageName } from "../../../src/oci/index.ts";
import { askWithToken, problem } from "./admin-server.ts";
import { alpine, digestOf, rfc3339, someExplanation, time } from "./reports.ts";

const someImage: Image = {
  image: alpine,
  digest: digestOf("a"),
  kind: "index",
  platforms: [{ platform: undefined, digest: digestOf("b"), isHere: true, isComplete: false }],
  ...{ bytes: 30, uniqueBytes: 10, sharedBytes: 20 },
  ...{ firstFetchedAt: undefined, checkedAt: time, lastPulledAt: time },
  ...{ pins: [], isHeld: false, isGone: false },
  offlineReady: {
    isReady: false,
    platforms: [],
    missing: [{ platform: undefined, digest: digestOf("c"), what: "layer", bytes: undefined }],
    why: "parts of it are missing",
  },
};

const someDetail: ImageDetail = {
  ...someImage,
  manifests: [
    {
      ...{ digest: digestOf("b"), kind: "unknown", platform: undefined, mediaType: undefined, size: 1, isHere: false },
      ...{ lastPulledAt: undefined, parents: [] },
      blobs: [
        { digest: digestOf("c"), role: "layer", size: undefined, isHere: false, sharedWith: [], sharedWithCount: 0 },
      ],
    },
  ],
  referrers: [{ digest: digestOf("d"), kind: "image" }],
};

describe("GET /api/v1/images", () => {
  it("asks for a hundred by name unless it is said, and writes null for what is not known", async () => {
    const images = () => Promise.resolve({ items: [someImage], nextCursor: undefined, total: 1 });
    const { json, asked } = await askWithToken({ images }, "/images");
    expect(asked).toEqual([["images", expect.objectContaining({ sort: "name", isDescending: false, limit: 100 })]]);
    expect(json).toMatchObject({
      items: [
        {
          ...{ image: alpine, firstFetchedAt: null, checkedAt: rfc3339, lastPulledAt: rfc3339 },
          platforms: [{ platform: null, digest: digestOf("b") }],
          offlineReady: { missing: [{ platform: null, digest: digestOf("c"), what: "layer", bytes: null }] },
        },
      ],
      ...{ nextCursor: null, total: 1 },
    });
  });

  it("hands on what is asked for", async () => {
    const images = () => Promise.resolve({ items: [], nextCursor: "next", total: 3 });
    const query =
      "q=alp&upstream=docker.io&pinned=true&offlineReady=false&platform=linux/x86_64,linux/arm64&sort=bytes&order=desc&limit=1000&cursor=here";
    const { json, asked } = await askWithToken({ images }, `/images?${query}`);
    expect(asked[0]?.[1]).toEqual({
      ...{ q: "alp", upstream: "docker.io", isPinned: true, isOfflineReady: false, cursor: "here" },
      ...{ platforms: ["linux/amd64", "linux/arm64"], sort: "bytes", isDescending: true, limit: 1000 },
    });
    expect(json).toEqual({ items: [], nextCursor: "next", total: 3 });
  });

  it.each([
    ["sort=age", "sort must be one of name, lastPulledAt"],
    ["order=up", "order must be one of asc, desc"],
    ["limit=0", "limit must be a whole number from 1 to 1000"],
    ["limit=1001", "limit must be"],
    ["pinned=yes", "pinned must be true or false"],
    ["platform=amd64", "platform must be a platform such as linux/amd64"],
    ["q=", "q must be text"],
    ["name=x", "means nothing here"],
    ["q=a&q=b", "given more than once"],
  ])("refuses %s in words", async (query, words) => {
    const { status, json, asked } = await askWithToken({}, `/images?${query}`);
    expect([status, json, asked]).toEqual([400, expect.objectContaining(problem(400, words)), []]);
  });

  it("refuses a cursor of another list in its words", async () => {
    const images = () => Promise.reject(new CursorInvalid("of another list"));
    expect((await askWithToken({ images }, "/images?cursor=x")).json).toMatchObject(problem(400, "of another list"));
  });
});

describe("GET /api/v1/image", () => {
  it("tells everything of one", async () => {
    const subject = parseImageName(alpine);
    const history = [{ digest: digestOf("a"), firstSeen: time, lastSeen: time, isCurrent: true }];
    const image = () => Promise.resolve({ subject, image: someDetail, history, explanation: someExplanation });
    const { json, asked } = await askWithToken({ image }, `/image?image=${alpine}`);
    expect(asked).toEqual([["image", subject]]);
    expect(json).toMatchObject({
      manifests: [{ platform: null, mediaType: null, lastPulledAt: null, blobs: [{ size: null }] }],
      referrers: [{ digest: digestOf("d"), kind: "image" }],
      history: [{ digest: digestOf("a"), firstSeen: rfc3339, lastSeen: rfc3339, isCurrent: true }],
      explanation: { subject: alpine, digest: digestOf("a") },
    });
  });

  it("says where to look for what is not stored", async () => {
    const { status, json } = await askWithToken({ image: () => Promise.resolve(undefined) }, `/image?image=${alpine}`);
    expect([status, json]).toEqual([404, expect.objectContaining(problem(404, "/api/v1/explain"))]);
    expect((await askWithToken({}, "/image")).json).toMatchObject(problem(400, "image is missing"));
  });
});
