import type { SecureContext } from "node:tls";
import { EnvHttpProxyAgent, type Dispatcher } from "undici";
import { createConnector, createTrust } from "./connector.ts";
import { isHost } from "../host.ts";
import { indexOfOrigin } from "../parents.ts";
import type { EndpointSettings, UpstreamSettings } from "../settings.ts";

/** What a connection may be shared by: nothing else of a request matters to its pool. */
export interface PoolKey {
  origin: string;
  /** Names the credential that travels here, never the credential itself. */
  credentialId: string;
  /** Whether only public addresses may be reached. */
  isGuarded: boolean;
}

type PoolSettings = Pick<UpstreamSettings, "proxy" | "ca" | "clientCertificate" | "limits" | "tokenHosts"> & {
  endpoints: readonly Pick<EndpointSettings, "url" | "parent">[];
};

export interface Pools {
  of(key: PoolKey): Dispatcher;
  close(): Promise<void>;
}

/** Redirects choose their origins themselves: more pools than this are not kept. */
const maxPools = 64;

/**
 * One pool of connections per origin, credential and guard, with the proxy of the settings or of the environment.
 * The guard checks addresses that we connect to ourselves; behind a proxy it is the proxy that connects, and only
 * addresses written in the URL can be checked.
 */
export function createPools(settings: PoolSettings): Pools {
  const trustOf = createTrusts(settings);
  const pools = new Map<string, Dispatcher>();
  return {
    of(key) {
      const id = `${key.isGuarded ? "guarded" : "open"} ${key.credentialId} ${key.origin}`;
      const pool =
        pools.get(id) ?? createPool(settings, { own: trustOf(key.origin), proxy: trustOf(undefined) }, key.isGuarded);
      pools.delete(id);
      pools.set(id, pool);
      if (pools.size > maxPools) retireOldest(pools);
      return pool;
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => pool.destroy()));
    },
  };
}

function retireOldest(pools: Map<string, Dispatcher>): void {
  const [id, pool] = pools.entries().next().value ?? [];
  if (id === undefined || pool === undefined) return;
  pools.delete(id);
  // Closing waits for the requests under way; their own timeouts bound it.
  pool.close().catch(() => undefined);
}

/** What is trusted at an origin: our certificate is shown to the registry, to trusted parents and to token hosts, and to nobody else. */
function createTrusts(settings: PoolSettings): (origin: string | undefined) => SecureContext | undefined {
  const { ca, clientCertificate, endpoints, tokenHosts } = settings;
  const trust = ca === undefined ? undefined : createTrust(ca);
  const withCertificate = clientCertificate && createTrust(ca, clientCertificate);
  const origin = indexOfOrigin(endpoints);
  const homes = endpoints
    .filter(({ parent }, index) => index === origin || parent?.isTrusted)
    .map(({ url }) => new URL(url).origin);
  return (origin) => {
    const isOurs =
      origin !== undefined && (homes.includes(origin) || tokenHosts.some((host) => isHost(new URL(origin), host)));
    return isOurs && withCertificate ? withCertificate : trust;
  };
}

interface Trusts {
  own: SecureContext | undefined;
  /** For a proxy that is itself https. */
  proxy: SecureContext | undefined;
}

function createPool({ proxy, limits }: PoolSettings, trusts: Trusts, isGuarded: boolean): Dispatcher {
  const { connectTimeoutMs } = limits;
  const tls = (trust: SecureContext | undefined) => ({
    allowH2: false,
    timeout: connectTimeoutMs,
    ...(trust && { secureContext: trust }),
  });
  return new EnvHttpProxyAgent({
    allowH2: false,
    connect: createConnector({ isGuarded, trust: trusts.own, connectTimeoutMs }),
    connectTimeout: connectTimeoutMs,
    headersTimeout: limits.headerTimeoutMs,
    bodyTimeout: limits.idleTimeoutMs,
    proxyTls: tls(trusts.proxy),
    requestTls: tls(trusts.own),
    // An explicit proxy is meant for this upstream: NO_PROXY speaks about the environment's own.
    ...(proxy !== undefined && { httpProxy: proxy, httpsProxy: proxy, noProxy: "" }),
  });
}
