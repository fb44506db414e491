import { openMetadata } from "../../../../src/metadata/index.ts";
import type { Probes } from "./protocol.ts";
import { scheduling } from "./scheduling.ts";

/**
 * What a hit costs in the index: the row of the blob, if the repository holds it. Without the time that other
 * processes had the processor.
 */
export async function measureLookups({
  directory,
  held,
}: Probes["lookups"]["ask"]): Promise<Probes["lookups"]["answer"]> {
  const index = await openMetadata({ directory });
  try {
    let found = 0;
    const eachUs: number[] = [];
    for (const { repository, digest, manifest } of held) {
      const key = { upstream: "docker.io", name: repository };
      if (manifest !== undefined) index.held(key, manifest);
      const { waitedMs } = scheduling();
      const startedAt = performance.now();
      const isHit = index.held(key, digest)?.state === "present";
      const tookMs = performance.now() - startedAt;
      eachUs.push((tookMs - (scheduling().waitedMs - waitedMs)) * 1000);
      if (isHit) found += 1;
    }
    return { eachUs, found };
  } finally {
    await index.close();
  }
}
