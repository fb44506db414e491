import { seededBlob } from "../../upstream/index.ts";
import type { Scenario } from "./scenario.ts";

/**
 * A store that holds two images, which share a layer, and has no room for a third: pulling that one takes the image away
 * that was pulled longest ago, and leaves what it shares with the other.
 */
export const eviction: Scenario = {
  name: "an eviction",
  settings: { storage: { maxSize: "200KiB", minFree: "1MiB" } },
  publish(upstream) {
    const shared = seededBlob("shared", 20_000);
    return [60_000, 61_000, 100_000].map((size, number) => {
      const repository = `library/image-${number}`;
      const image = upstream.pushImage(repository, "latest", { layers: [shared, size] });
      return { repository, tag: "latest", versions: [image] };
    });
  },
  async prepare({ run }) {
    await run(async ({ puller, published }) => {
      for (const image of published.slice(0, 2)) await puller.pullUntilHit(image, newestOf(image), false);
    });
  },
  async act({ puller, published }) {
    for (const image of published.slice(1)) await puller.pullUntilHit(image, newestOf(image), false);
  },
  mustSurvive: ({ path }) => !path.startsWith("/v2/library/image-0/"),
};

function newestOf<T>({ versions }: { versions: readonly T[] }): T {
  const newest = versions.at(-1);
  if (newest === undefined) throw new Error("a tag without a version");
  return newest;
}
