import type { EndpointStanding, Quota } from "../../upstream/index.ts";
import { formatTime, type Time } from "./time.ts";

/** One upstream as the application knows it; counts are since the start. */
export interface UpstreamView {
  name: string;
  isDefault: boolean;
  offline: boolean;
  push: "deny" | "passthrough";
  endpoints: EndpointStanding[];
  quota: Quota;
  requests: number;
  fetchedBytes: number;
  savedBytes: number;
  /** Requests without an answer, or with a 5xx. */
  failures: number;
}

/** An item of `GET /api/v1/upstreams`. No credentials, and of URLs the host alone. */
export interface UpstreamDocument extends Omit<UpstreamView, "endpoints" | "quota"> {
  endpoints: (Omit<EndpointStanding, "openUntil"> & { openUntil: Time | null })[];
  /** As far as the registry has said. */
  quota: {
    limit: number | null;
    remaining: number | null;
    resetAt: Time | null;
    /** Whom it counts: an address or an account, in its own words. */
    source: string | null;
    isLow: boolean;
    limitedUntil: Time | null;
    /** What we have counted: GETs of manifests that it has answered. */
    pulls: number;
  };
}

export function upstreamDocument({ endpoints, quota, ...plain }: UpstreamView): UpstreamDocument {
  const { limit = null, remaining = null, source = null, isLow, resetAt, limitedUntil, countedGets } = quota;
  return {
    ...plain,
    endpoints: endpoints.map(({ openUntil, ...endpoint }) => ({ ...endpoint, openUntil: formatTime(openUntil) })),
    quota: {
      ...{ limit, remaining, source, isLow },
      resetAt: formatTime(resetAt),
      limitedUntil: formatTime(limitedUntil),
      pulls: countedGets,
    },
  };
}
