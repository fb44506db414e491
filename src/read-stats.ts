import type { Stats } from "./admin/index.ts";
import type { Parts } from "./parts.ts";

/** The statistics of the admin API, put together from the rooms. */
export async function readStats(
  { metrics, index, store, eviction, cache, inventory }: Parts,
  version: string,
  startedAt: Date,
): Promise<Omit<Stats, "listen">> {
  const { storedBytes, ...counts } = index.counts();
  const { availableBytes } = await store.space();
  const { requests, servedBytes, fetchedBytes, savedBytes, requestsByClient, upstreams } = await metrics.snapshot();
  const { maxBytes, reservedBytes } = eviction.budget;
  const { ready, incomplete, countedAt } = inventory.offline;
  return {
    version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
    ...{ requests, servedBytes, fetchedBytes, savedBytes },
    requestsByClient: Object.fromEntries(
      Object.entries(requestsByClient).map(([client, { requests: count, lastAt }]) => {
        return [client, { requests: count, lastAt: timeOf(lastAt) }];
      }),
    ) as Stats["requestsByClient"],
    store: {
      ...{ bytes: storedBytes, maxBytes, reservedBytes, freeBytes: availableBytes },
      ...counts,
      isPassthrough: cache.isStoreSetAside(),
    },
    flights: cache.flights(),
    offline: { readyTags: ready, incompleteTags: incomplete, countedAt: timeOf(countedAt) },
    upstreams: upstreams.map(({ name, requests: count, fetchedBytes: bytes }) => {
      return { name, requests: count, fetchedBytes: bytes };
    }),
  };
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
