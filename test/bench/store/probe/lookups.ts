import { openMetadata } from "../../../../src/metadata/index.ts";
import type { Probes } from "./protocol.ts";

/**
 * What a hit costs in the index: the row of the blob, and whether the repository holds it. A lookup counts as disturbed
 * where the system gave the processor to something else in the middle of it (an involuntary context switch).
 */
export async function measureLookups({
  directory,
  held,
}: Probes["lookups"]["ask"]): Promise<Probes["lookups"]["answer"]> {
  const index = await openMetadata({ directory });
  try {
    let found = 0;
    const eachUs: number[] = [];
    const undisturbedUs: number[] = [];
    for (const { repository, digest } of held) {
      const key = { upstream: "docker.io", name: repository };
      const switches = process.resourceUsage().involuntaryContextSwitches;
      const startedAt = performance.now();
      const isHit = index.blob(digest)?.state === "present" && index.isMember(key, digest);
      const tookUs = (performance.now() - startedAt) * 1000;
      eachUs.push(tookUs);
      if (process.resourceUsage().involuntaryContextSwitches === switches) undisturbedUs.push(tookUs);
      if (isHit) found += 1;
    }
    return { eachUs, undisturbedUs, found };
  } finally {
    await index.close();
  }
}
