import type { SecureContext } from "node:tls";
import { EnvHttpProxyAgent, type Dispatcher } from "undici";
import { createConnector, createTrust } from "./connector.ts";
import type { UpstreamSettings } from "../settings.ts";

/** What a connection may be shared by: nothing else of a request matters to its pool. */
export interface PoolKey {
  origin: string;
  /** Names the credential that travels here, never the credential itself. */
  credentialId: string;
  /** Whether only public addresses may be reached. */
  isGuarded: boolean;
}

type PoolSettings = Pick<UpstreamSettings, "proxy" | "ca" | "limits">;

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
  const trust = settings.ca === undefined ? undefined : createTrust(settings.ca);
  const pools = new Map<string, Dispatcher>();
  return {
    of(key) {
      const id = `${key.isGuarded ? "guarded" : "open"} ${key.credentialId} ${key.origin}`;
      const pool = pools.get(id) ?? createPool(settings, trust, key.isGuarded);
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

function createPool({ proxy, limits }: PoolSettings, trust: SecureContext | undefined, isGuarded: boolean): Dispatcher {
  const { connectTimeoutMs } = limits;
  const tls = { allowH2: false, timeout: connectTimeoutMs, ...(trust && { secureContext: trust }) };
  return new EnvHttpProxyAgent({
    allowH2: false,
    connect: createConnector({ isGuarded, trust, connectTimeoutMs }),
    connectTimeout: connectTimeoutMs,
    headersTimeout: limits.headerTimeoutMs,
    bodyTimeout: limits.idleTimeoutMs,
    proxyTls: tls,
    requestTls: tls,
    // An explicit proxy is meant for this upstream: NO_PROXY speaks about the environment's own.
    ...(proxy !== undefined && { httpProxy: proxy, httpsProxy: proxy, noProxy: "" }),
  });
}
