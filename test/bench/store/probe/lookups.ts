import { openMetadata } from "../../../../src/metadata/index.ts";
import type { Probes } from "./protocol.ts";

/** What a hit costs in the index: the row of the blob, and whether the repository holds it. */
export async function measureLookups({ directory, held }: Probes["lookups"]["ask"]): Promise<Probes["lookups"]["answer"]> {
  const index = await openMetadata({ directory });
  try {
    let found = 0;
    const eachUs = held.map(({ repository, digest }) => {
      const key = { upstream: "docker.io", name: repository };
      const startedAt = performance.now();
      const isHit = index.blob(digest)?.state === "present" && index.isMember(key, digest);
      const tookMs = performance.now() - startedAt;
      if (isHit) found += 1;
      return tookMs * 1000;
    });
    return { eachUs, found };
  } finally {
    await index.close();
  }
}
