import { join } from "node:path";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { checkDataDirectory } from "../checker/data-directory.ts";
import { pullTogether, type CrowdOptions, type Pulled } from "../support/crowd.ts";
import { dataDirectoryIn, EntrepotProcess } from "../support/entrepot-process.ts";
import { publishImages } from "../support/images.ts";
import type { PublishedTag } from "../support/published.ts";
import { createRandom } from "../../support/random.ts";
import type { Scratch } from "../support/scratch.ts";

const keptWithinMs = 60_000;

/** An instance on a file system of its own, and an upstream with three sets of images. */
export interface Bench {
  readonly upstream: TestUpstream;
  readonly instance: EntrepotProcess;
  readonly directory: string;
  readonly data: string;
  /** To be pulled before anything fails. */
  readonly early: readonly PublishedTag[];
  /** To be pulled while it begins to fail. */
  readonly late: readonly PublishedTag[];
  /** To be pulled when it certainly does. */
  readonly last: readonly PublishedTag[];
  readonly all: readonly PublishedTag[];
  pull(images: readonly PublishedTag[], options?: CrowdOptions): Promise<Pulled>;
  /**
   * Pulls again and again until everything is a hit: a store that has failed is left alone for a few seconds. Resolves to
   * the faults of all these pulls.
   */
  pullUntilKept(images: readonly PublishedTag[]): Promise<string[]>;
  /** What is wrong after a clean stop. `spoilt`: digests of files that may be in `quarantine/`. */
  stopAndCheck(spoilt?: readonly string[]): Promise<string[]>;
}

/** `mountPoint`: where the data are to be; by default nothing is special about the file system. */
export async function openBench(scratch: Scratch, mountPoint?: string): Promise<Bench> {
  const upstream = await startUpstream();
  scratch.onClose(() => upstream.close());
  const random = createRandom(7);
  const directory = join(mountPoint ?? (await scratch.make("bench")), "entrepot");
  const data = dataDirectoryIn(directory);
  const instance = await EntrepotProcess.start({ directory, upstreamUrl: upstream.url });
  const early = publishImages(upstream, "early", random);
  const late = publishImages(upstream, "late", random);
  const last = publishImages(upstream, "last", random);
  return {
    upstream,
    instance,
    directory,
    data,
    early,
    late,
    last,
    all: [...early, ...late, ...last],
    pull: (images, options) => pullTogether(instance, images, options),
    async pullUntilKept(images) {
      const until = performance.now() + keptWithinMs;
      for (;;) {
        const { faults, hits, answers } = await pullTogether(instance, images);
        if (faults.length > 0 || hits === answers) return faults;
        if (performance.now() > until) return [`${answers - hits} of ${answers} answers are no hits yet`];
      }
    },
    async stopAndCheck(spoilt) {
      await instance.stop();
      return checkDataDirectory(data, { after: "stop", spoilt });
    },
  };
}
