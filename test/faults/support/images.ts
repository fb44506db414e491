import { seededBlob, type TestUpstream } from "../../upstream/index.ts";
import type { PublishedTag } from "./published.ts";
import type { Random } from "../../support/random.ts";

const repositories = 12;
const versions = 3;

/** New images, of layers that some of them share: mostly small ones, as a cut is to meet many commits. */
export function publishImages(upstream: TestUpstream, name: string, random: Random): PublishedTag[] {
  const shared = seededBlob(`${name} shared`, random.below(100_000));
  return Array.from({ length: repositories }, (_, number) => {
    const repository = `library/${name}-${number}`;
    const images = Array.from({ length: versions }, (_, version) => {
      const size = version === 0 && number === 0 ? 1_300_000 : 1 + random.below(60_000);
      const own = seededBlob(`${repository} ${version}`, size);
      return upstream.pushImage(repository, version === 0 ? "latest" : undefined, { layers: [shared, own] });
    });
    return { repository, tag: "latest", versions: images };
  });
}
