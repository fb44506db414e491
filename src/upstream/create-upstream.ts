import { registryHosts } from "../config/index.ts";
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
import type { Delay } from "./resuming-body.ts";
import type { UpstreamObserver, UpstreamSettings } from "./settings.ts";
import { createStanding } from "./authorization/standing.ts";
import { requestToken } from "./authorization/token-request.ts";
import { createTokenStore } from "./authorization/token-store.ts";
import { createTransport, type Transport } from "./connection/transport.ts";
import type { Upstream } from "./upstream.ts";

/** A client of one configured registry. @param inner what tests replace */
export function createUpstream(
  settings: UpstreamSettings,
  observer: UpstreamObserver,
  inner: { delay?: Delay; now?: () => number } = {},
): Upstream {
  const closing = new AbortController();
  const pools = createPools(settings);
  const transport = createTransport({
    upstream: settings.name,
    pools,
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
      now: inner.now ?? Date.now,
      closing: closing.signal,
    }),
  );
  const endpoints = createEndpoints({ settings, sources, observer, transport, closing: closing.signal });
  const asking: Asking = {
    upstream: settings.name,
    endpoints,
    standing: createStanding(),
    limits: settings.limits,
    observer,
  };
  const proveBlob = createBlobProver(asking);
  return {
    name: settings.name,
    headManifest: (repository, reference, { signal }) => headManifest(asking, repository, reference, signal),
    getManifest: (repository, reference, { signal }) => getManifest(asking, repository, reference, signal),
    openBlob: (repository, digest, range, { signal }) =>
      openBlob(asking, { repository, digest, range, signal, closing: closing.signal, delay: inner.delay }),
    proveBlob: (repository, digest, { signal }) => proveBlob({ repository, digest }, signal),
    listTags: (repository, { signal }) => listTags(asking, repository, signal),
    listReferrers: (repository, digest, { signal }) => listReferrers(asking, repository, digest, signal),
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
