import type { Pseudonym } from "../chain/index.ts";
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
import { indexOfOrigin, nameAt } from "./parents.ts";
import type { ParentSettings, UpstreamObserver, UpstreamSettings } from "./settings.ts";
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
  /** How this instance calls itself towards other caches. */
  pseudonym: Pseudonym;
  /** What tests replace. */
  delay?: Delay;
}

/** A client of one configured registry. */
export function createUpstream(
  settings: UpstreamSettings,
  observer: UpstreamObserver,
  { now = Date.now, pseudonym, delay = waitFor }: Inner,
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
  const origin = indexOfOrigin(settings.endpoints);
  const quota = createQuotaLedger({
    keepBack: settings.quota.keepBack,
    now,
    onCounted: () => observer.pull(),
    onCrossed: (crossed) => observer.quotaCrossed(crossed),
  });
  const endpointsFor = createEndpoints({ settings, observer, transport, pseudonym, closing: closing.signal });
  const asking: Asking = {
    upstream: settings.name,
    endpoints: endpointsFor((index) => sources[index]).map((endpoint) => withQuota(endpoint, quota)),
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
    // A client's credential is for the registry that it means: mirrors never see it, parents only where we are told that they may. Without
    // one neither: what a parent gives to us it may give for its own credentials. The quota is the client's own too.
    const source = fixedCredential(credential);
    const endpoints = endpointsFor((index, parent) => (index === origin || parent?.isTrusted ? source : undefined));
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
        return { host: at.host, isOrigin: index === origin, ...hosts.standing(at) };
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
  const origin = indexOfOrigin(settings.endpoints);
  return settings.endpoints.map(({ url, credentials }, index) =>
    configuredCredentials({
      upstream: settings.name,
      index,
      entries: credentials,
      hosts: registryHosts(url, index === origin ? settings.name : undefined),
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
  /** Undefined for whoever is no cache, and cannot be part of a circle. */
  pseudonym: Pseudonym | undefined;
  closing: AbortSignal;
}

type SourceOf = (index: number, parent: ParentSettings | undefined) => CredentialSource | undefined;

/** Makes those endpoints of the settings for which there is a source of credentials; all share one store of tokens. */
export function createEndpoints({
  settings,
  observer,
  transport,
  pseudonym,
  closing,
}: EndpointParts): (sourceOf: SourceOf) => Endpoint[] {
  const { name: upstream, limits, tokenHosts, allowPrivateRedirects } = settings;
  const origin = indexOfOrigin(settings.endpoints);
  const places = settings.endpoints.map(({ url, parent }) => ({ url: new URL(url), parent }));
  const redirects = {
    upstream,
    configuredOrigins: new Set(places.map(({ url }) => url.origin)),
    allowPrivateRedirects,
  };
  const context = { upstream, transport, limits, closing, onOutcome: (status?: number) => observer.token(status) };
  const tokens = createTokenStore({ request: (wanted) => requestToken(wanted, context) });
  const endpoints = places.map(({ url, parent }, index) => ({
    ...{ upstream, url, parent, pseudonym, transport, redirects, observer },
    isOrigin: index === origin || parent !== undefined,
    authorizer: createAuthorizer({
      ...{ upstream, endpoint: url, tokenHosts, tokens },
      nameAt: (repository) => nameAt(upstream, parent, repository),
      isPrivateAllowed: allowPrivateRedirects,
    }),
  }));
  return (sourceOf) =>
    endpoints.flatMap((endpoint, index) => {
      const credentials = sourceOf(index, endpoint.parent);
      return credentials ? [createEndpoint({ ...endpoint, credentials })] : [];
    });
}
