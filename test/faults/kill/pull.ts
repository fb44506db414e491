import type { TestUpstream } from "../../upstream/index.ts";
import { blobPathsOf, tagPath, type PublishedTag } from "../support/published.ts";
import type { Scenario } from "./scenario.ts";

const repository = "library/demo";

/** An image of a config and two layers, the larger of which takes several writes, and one that shares the other layer. */
function publish(upstream: TestUpstream): PublishedTag[] {
  const first = upstream.pushImage(repository, "latest", { layers: [20_000, 1_300_000] });
  const shared = upstream.content.find(repository)?.blobs.get(first.layers[0]?.digest ?? "");
  if (!shared) throw new Error("the layer that has just been pushed is not there");
  const second = upstream.pushImage(repository, undefined, { layers: [shared, 50_000] });
  return [{ repository, tag: "latest", versions: [first, second] }];
}

/** The first image is pulled by tag into an empty cache; then the tag moves, and the second one is pulled. */
export const pull: Scenario = {
  name: "a pull and a moved tag",
  publish,
  async act({ puller, upstream, published }) {
    const [image] = published;
    const [first, second] = image?.versions ?? [];
    if (!image || !first || !second) throw new Error("nothing to pull");
    await puller.pullUntilHit(image, first, false);
    upstream.tag(image.repository, image.tag, second.digest);
    await puller.pullUntilHit(image, second, true);
  },
};

/** The first image is pulled, and nobody asks again. */
export const firstPull: Scenario = {
  name: "a pull",
  publish,
  async act({ instance, puller, published }) {
    for (const image of published) {
      await puller.get(tagPath(image));
      for (const path of image.versions.slice(0, 1).flatMap((version) => blobPathsOf(image.repository, version))) {
        await puller.get(path);
        await instance.settled();
      }
    }
  },
};
