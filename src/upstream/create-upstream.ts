import { registryHosts } from "../config/index.ts";
import { waitFor, type Delay } from "./backoff.ts";
import { createBandwidth } from "./bandwidth.ts";
import { createHosts } from "./hosts/hosts.ts";
import { createOfflineUpstream } from "./offline.ts";
import { createRecentFailures } from "./recent-failures.ts";
import { createAuthorizer } from "./authorization/authorizer.ts";
import { configuredCredentials } from "./credentials/configured-credentials.ts";
import { anonymous, fixedCredential, type CredentialSource } from "./credentials/credential-source.ts";
import { createEndpoint, type Endpoint } from "./endpoint.ts";
import { UpstreamError } from "./errors.ts";
import { createPools } from "./connection/pools.ts";
import type { Asking } from "./question.ts";
import { createQuotaLedger, withQuota } from "./quota-ledger.ts";
import type { UpstreamObserver, UpstreamSettings } from "./settings.ts";
import { createStanding } from "./authorization/standing.ts";
import { requestToken } from "./authorization/token-request.ts";
import { createTokenStore } from "./authorization/token-store.ts";
import { createTransport, type Transport } from "./connection/transport.ts";
import { createClientViews } from "./client-views.ts";
import type { ConfiguredUpstream } from "./upstream.ts";
import { createView } from "./view.ts";

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
): ConfiguredUpstream {
  if (settings.offline) return createOfflineUpstream(settings);
  const closing = new AbortController();
  const pools = createPools(settings);
  const hosts = createHosts({
    upstream: settings.name,
    concurrency: settings.concurrency,
    openForMs: settings.breaker.openForMs,
    now,
    onBreaker: (host, isOpen) => observer.breaker(host, isOpen),
  });
  const transport = createTransport({
    upstream: settings.name,
    pools,
    hosts,
    closing: closing.signal,
    onRetry: () => observer.retry(),
  });
  const sources = createSources(settings, { observer, now, closing: closing.signal });
  const quota = createQuotaLedger({
    keepBack: settings.quota.keepBack,
    now,
    onCounted: () => observer.pull(),
    onCrossed: (crossed) => observer.quotaCrossed(crossed),
  });
  const endpointsFor = createEndpoints({ settings, observer, transport, closing: closing.signal });
  const asking: Asking = {
    upstream: settings.name,
    endpoints: endpointsFor(sources).map((endpoint) => withQuota(endpoint, quota)),
    standing: createStanding(),
    limits: settings.limits,
    observer,
    recentFailures: createRecentFailures(now),
    isFailing: () => settings.endpoints.every(({ url }) => hosts.isDown(new URL(url))),
    bandwidth: createBandwidth(settings.bandwidthBytesPerSecond, { now, delay }),
    now,
    delay,
  };
  const as = createClientViews(({ id, credentials }) => {
    const credential = credentials ? { id: `client-${id}`, credentials, isFallback: false } : anonymous;
    // A client's credential is for the registry that it means: mirrors never see it. Its quota is its own too.
    const endpoints = endpointsFor([fixedCredential(credential)]);
    const { keepBack } = settings.quota;
    const own = createQuotaLedger({ keepBack, now, onCounted: () => observer.pull(), onCrossed: () => undefined });
    return createView(
      {
        ...asking,
        endpoints: endpoints.map((endpoint) => withQuota(endpoint, own)),
        recentFailures: createRecentFailures(now),
      },
      { closing: closing.signal, quota: own },
    );
  });
  return {
    ...createView(asking, { closing: closing.signal, quota }),
    as,
    endpoints: () =>
      settings.endpoints.map(({ url }, index) => {
        const at = new URL(url);
        return { host: at.host, isOrigin: index === 0, ...hosts.standing(at) };
      }),
    async close() {
      closing.abort(new UpstreamError("unreachable", "the upstream client is closed", { upstream: settings.name }));
      await pools.close();
    },
  };
}

/** The credentials of each endpoint. */
export function createSources(
  settings: UpstreamSettings,
  { observer, now, closing }: { observer: UpstreamObserver; now: () => number; closing: AbortSignal },
): CredentialSource[] {
  return settings.endpoints.map(({ url, credentials }, index) =>
    configuredCredentials({
      upstream: settings.name,
      index,
      entries: credentials,
      hosts: registryHosts(url, index === 0 ? settings.name : undefined),
      isAnonymousAllowed: settings.anonymousFallback,
      onBroken: (reason) => observer.credentialsBroken(reason),
      now,
      closing,
    }),
  );
}

interface EndpointParts {
  settings: UpstreamSettings;
  observer: UpstreamObserver;
  transport: Transport;
  closing: AbortSignal;
}

/** Makes the first endpoints of the settings, one for each source of credentials; all share one store of tokens. */
export function createEndpoints({
  settings,
  observer,
  transport,
  closing,
}: EndpointParts): (sources: readonly CredentialSource[]) => Endpoint[] {
  const { name: upstream, limits, tokenHosts, allowPrivateRedirects } = settings;
  const urls = settings.endpoints.map(({ url }) => new URL(url));
  const redirects = {
    upstream,
    configuredOrigins: new Set(urls.map(({ origin }) => origin)),
    allowPrivateRedirects,
  };
  const context = { upstream, transport, limits, closing, onOutcome: (status?: number) => observer.token(status) };
  const tokens = createTokenStore({ request: (wanted) => requestToken(wanted, context) });
  const authorizers = urls.map((url) =>
    createAuthorizer({ upstream, endpoint: url, tokenHosts, isPrivateAllowed: allowPrivateRedirects, tokens }),
  );
  return (sources) =>
    sources.map((credentials, index) => {
      const [url, authorizer] = [urls[index], authorizers[index]];
      if (!url || !authorizer) throw new Error("more credential sources than endpoints");
      return createEndpoint({ url, isOrigin: index === 0, credentials, authorizer, transport, redirects, observer });
    });
}
