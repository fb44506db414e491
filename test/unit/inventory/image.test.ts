import { describe, expect, it } from "vitest";
import { parseImageName } from "../../../src/oci/index.ts";
import { documentBytes } from "../eviction/world.ts";
import { openShelf } from "./shelf.ts";

const latest = parseImageName("docker.io/library/alpine:latest");

describe("an image in detail", () => {
  it("has its manifests with their parents, and their blobs with who else needs them", async () => {
    const { inventory, world, put } = await openShelf();
    await put("amd", { layers: { base: 1000, gone: 500 }, lacks: ["gone"] });
    await world.putIndex("index", { children: { amd: "linux/amd64", arm: "linux/arm64" }, tag: "latest" });
    await put("other", { layers: { base: 1000 }, tag: "other" });
    await put("untagged", { layers: { base: 1000 } });
    const image = await inventory.image(latest);
    expect(image).toMatchObject({
      ...{ image: "docker.io/library/alpine:latest", digest: world.digest("index"), kind: "index" },
      offlineReady: { isReady: false, why: "parts are missing for linux/amd64" },
    });
    const manifests = new Map(image?.manifests.map((manifest) => [world.nameOf(manifest.digest), manifest]));
    expect([...manifests.keys()].sort()).toEqual(["amd", "arm", "index"]);
    expect(manifests.get("index")).toMatchObject({ kind: "index", mediaType: "type/index", parents: [], blobs: [] });
    expect(manifests.get("arm")).toEqual({
      ...{ digest: world.digest("arm"), kind: "unknown", platform: "linux/arm64", mediaType: undefined },
      ...{ size: documentBytes, isHere: false, lastPulledAt: undefined, parents: [world.digest("index")], blobs: [] },
    });
    const amd = manifests.get("amd");
    expect(amd).toMatchObject({
      kind: "image",
      platform: "linux/amd64",
      isHere: true,
      parents: [world.digest("index")],
    });
    const blobs = amd?.blobs.filter(({ role }) => role === "layer");
    const untagged = `docker.io/library/alpine@${world.digest("untagged")}`;
    expect(new Map(blobs?.map(({ digest, ...blob }) => [world.nameOf(digest), blob]))).toEqual(
      new Map(
        Object.entries({
          base: {
            ...{ role: "layer", size: 1000, isHere: true, sharedWithCount: 2 },
            sharedWith: expect.arrayContaining(["docker.io/library/alpine:other", untagged]) as string[],
          },
          gone: { role: "layer", size: 500, isHere: false, sharedWith: [], sharedWithCount: 0 },
          "config of amd": { role: "layer", size: 500, isHere: true, sharedWith: [], sharedWithCount: 0 },
        }),
      ),
    );
  });

  it("has what refers to it and to its platforms", async () => {
    const { inventory, world, put } = await openShelf();
    await put("amd");
    await world.putIndex("index", { children: { amd: "linux/amd64" }, tag: "latest" });
    await put("signature", { subject: "index" });
    await put("report", { subject: "amd" });
    const referrers = (await inventory.image(latest))?.referrers.map(({ digest }) => world.nameOf(digest));
    expect(referrers?.sort()).toEqual(["report", "signature"]);
  });

  it("is found by its digest in the repositories that hold it, and only there", async () => {
    const { inventory, world, put } = await openShelf();
    await put("image");
    const digest = world.digest("image");
    const name = `docker.io/library/alpine@${digest}`;
    expect(await inventory.image(parseImageName(name))).toMatchObject({
      ...{ image: name, digest, checkedAt: undefined, isHeld: false, isGone: false, offlineReady: { isReady: true } },
    });
    expect(await inventory.image(parseImageName(`ghcr.io/team/app@${digest}`))).toBeUndefined();
    expect(await inventory.image(latest)).toBeUndefined();
  });
});
