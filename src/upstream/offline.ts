import { UpstreamError } from "./errors.ts";
import { unlimitedQuota } from "./quota.ts";
import type { UpstreamSettings } from "./settings.ts";
import type { ConfiguredUpstream } from "./upstream.ts";

/** An upstream that is never asked: every question is answered at once with an error of kind `offline`. */
export function createOfflineUpstream({
  name,
  endpoints,
}: Pick<UpstreamSettings, "name" | "endpoints">): ConfiguredUpstream {
  const refuse = (): Promise<never> => {
    const words = `${name} is offline by configuration and is not asked`;
    return Promise.reject(new UpstreamError("offline", words, { upstream: name, isRecalled: true }));
  };
  const offline: ConfiguredUpstream = {
    name,
    headManifest: refuse,
    getManifest: refuse,
    openBlob: refuse,
    proveBlob: refuse,
    listTags: refuse,
    listReferrers: refuse,
    quota: () => unlimitedQuota,
    isFailing: () => false,
    as: () => offline,
    endpoints: () =>
      endpoints.map(({ url }, index) => ({
        host: new URL(url).host,
        isOrigin: index === 0,
        breaker: "closed",
        openUntil: undefined,
      })),
    close: () => Promise.resolve(),
  };
  return offline;
}
