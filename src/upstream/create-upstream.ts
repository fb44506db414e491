import { registryHosts } from "../config/index.ts";
import { waitFor, type Delay } from "./backoff.ts";
import { createBandwidth } from "./bandwidth.ts";
import { createHosts } from "./hosts/hosts.ts";
import { createOfflineUpstream } from "./offline.ts";
import { createRecentFailures } from "./recent-failures.ts";
import { createAuthorizer } from "./authorization/authorizer.ts";
import { createBlobProver } from "./blob-proof.ts";
import { configuredCredentials } from "./credentials/configured-credentials.ts";
import type { CredentialSource } from "./credentials/credential-source.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";
import { UpstreamError } from "./errors.ts";
import { listReferrers, listTags } from "./listing.ts";
import { getManifest, headManifest } from "./manifest-request.ts";
import { openBlob } from "./open-blob.ts";
import { createPools } from "./connection/pools.ts";
import type { Asking } from "./question.ts";
import { createQuotaLedger, withQuota } from "./quota.ts";
import type { UpstreamObserver, UpstreamSettings } from "./settings.ts";
import { createStanding } from "./authorization/standing.ts";
import { requestToken } from "./authorization/token-request.ts";
import { createTokenStore } from "./authorization/token-store.ts";
import { createTransport, type Transport } from "./connection/transport.ts";
import type { Upstream } from "./upstream.ts";

interface Inner {
  /** Milliseconds since the epoch; `Date.now` by default. */
  now?: () => number;
  /** What tests replace. */
  delay?: Delay;
}

/** A client of one configured registry. */
export function createUpstream(
  settings: UpstreamSettings,
  observer: UpstreamObserver,
  { now = Date.now, delay = waitFor }: Inner = {},
): Upstream {
  if (settings.offline) return createOfflineUpstream(settings.name);
  const closing = new AbortController();
  const pools = createPools(settings);
  const transport = createTransport({
    upstream: settings.name,
    pools,
    hosts: createHosts({
      upstream: settings.name,
      concurrency: settings.concurrency,
      openForMs: settings.breaker.openForMs,
      now,
      onBreaker: (host, isOpen) => observer.breaker(host, isOpen),
    }),
    closing: closing.signal,
    onRetry: () => observer.retry(),
  });
  const sources = settings.endpoints.map(({ url, credentials }, index) =>
    configuredCredentials({
      upstream: settings.name,
      index,
      entries: credentials,
      hosts: registryHosts(url, index === 0 ? settings.name : undefined),
      isAnonymousAllowed: settings.anonymousFallback,
      onBroken: (reason) => observer.credentialsBroken(reason),
      now,
      closing: closing.signal,
    }),
  );
  const quota = createQuotaLedger({
    keepBack: settings.quota.keepBack,
    now,
    onCounted: () => observer.pull(),
    onCrossed: (crossed) => observer.quotaCrossed(crossed),
  });
  const endpoints = createEndpoints({ settings, sources, observer, transport, closing: closing.signal }).map(
    (endpoint) => withQuota(endpoint, quota),
  );
  const asking: Asking = {
    upstream: settings.name,
    endpoints,
    standing: createStanding(),
    limits: settings.limits,
    observer,
    recentFailures: createRecentFailures(now),
    bandwidth: createBandwidth(settings.bandwidthBytesPerSecond, { now, delay }),
    now,
    delay,
  };
  const proveBlob = createBlobProver(asking);
  return {
    name: settings.name,
    headManifest: (repository, reference, options) => headManifest(asking, repository, reference, options),
    getManifest: (repository, reference, options) => getManifest(asking, repository, reference, options),
    openBlob: (repository, digest, range, { signal, deadlineAt, isHurried }) =>
      openBlob(asking, { repository, digest, range, signal, deadlineAt, isHurried, closing: closing.signal }),
    proveBlob: (repository, digest, options) => proveBlob({ repository, digest }, options),
    listTags: (repository, options) => listTags(asking, repository, options),
    listReferrers: (repository, digest, options) => listReferrers(asking, repository, digest, options),
    quota: () => quota.read(),
    async close() {
      closing.abort(new UpstreamError("unreachable", "the upstream client is closed", { upstream: settings.name }));
      await pools.close();
    },
  };
}

interface EndpointParts {
  settings: UpstreamSettings;
  /** One for each endpoint of the settings, in their order. */
  sources: readonly CredentialSource[];
  observer: UpstreamObserver;
  transport: Transport;
  closing: AbortSignal;
}

function createEndpoints({ settings, sources, observer, transport, closing }: EndpointParts): Endpoint[] {
  const { name: upstream, limits, tokenHosts, allowPrivateRedirects } = settings;
  const urls = settings.endpoints.map(({ url }) => new URL(url));
  const redirects = {
    upstream,
    configuredOrigins: new Set(urls.map(({ origin }) => origin)),
    allowPrivateRedirects,
  };
  const context = { upstream, transport, limits, closing, onOutcome: (status?: number) => observer.token(status) };
  const tokens = createTokenStore({ request: (wanted) => requestToken(wanted, context) });
  return sources.map((credentials, index) => {
    const url = urls[index] as URL;
    const authorizer = createAuthorizer({
      upstream,
      endpoint: url,
      tokenHosts,
      isPrivateAllowed: allowPrivateRedirects,
      tokens,
    });
    return createEndpoint({ url, isOrigin: index === 0, credentials, authorizer, transport, redirects, observer });
  });
}
