import type { Scenario } from "./scenario.ts";

/**
 * An image of a config and two layers is pulled by tag into an empty cache, the larger layer in several writes; then the
 * tag moves to an image that shares one of the layers, and that one is pulled.
 */
export const pull: Scenario = {
  name: "a pull and a moved tag",
  publish(upstream) {
    const repository = "library/demo";
    const first = upstream.pushImage(repository, "latest", { layers: [20_000, 1_300_000] });
    const shared = upstream.content.find(repository)?.blobs.get(first.layers[0]?.digest ?? "");
    if (!shared) throw new Error("the layer that has just been pushed is not there");
    const second = upstream.pushImage(repository, undefined, { layers: [shared, 50_000] });
    return [{ repository, tag: "latest", versions: [first, second] }];
  },
  async act({ puller, upstream, published }) {
    const [image] = published;
    const [first, second] = image?.versions ?? [];
    if (!image || !first || !second) throw new Error("nothing to pull");
    await puller.pullUntilHit(image, first, false);
    upstream.tag(image.repository, image.tag, second.digest);
    await puller.pullUntilHit(image, second, true);
  },
};
