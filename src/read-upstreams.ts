import type { UpstreamView } from "./admin/index.ts";
import type { Parts } from "./parts.ts";

/** The upstreams as they are set up and as they fare, in the order of the configuration. */
export async function readUpstreams({ upstreams, metrics }: Parts): Promise<UpstreamView[]> {
  const { upstreams: totals } = await metrics.snapshot();
  return upstreams.map(({ name, isDefault, offline, push, upstream }) => {
    const counted = totals.find((total) => total.name === name);
    return {
      ...{ name, isDefault, offline, push },
      endpoints: upstream.endpoints(),
      quota: upstream.quota(),
      requests: counted?.requests ?? 0,
      fetchedBytes: counted?.fetchedBytes ?? 0,
      savedBytes: counted?.savedBytes ?? 0,
      failures: counted?.failures ?? 0,
    };
  });
}
