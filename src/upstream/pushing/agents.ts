import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { lookup } from "node:dns";
import { createTrust, lookupPublic } from "../connection/connector.ts";
import type { UpstreamSettings } from "../settings.ts";

/** Connections for requests whose bodies come from a client. */
export interface Agents {
  of(url: URL, isGuarded: boolean): HttpAgent;
  close(): void;
}

/**
 * Agents of node:http, with the proxy of the settings or of the environment. Connections are not kept alive: one that
 * died meanwhile would take a body with it that cannot be sent again. A guarded agent leads to public addresses only;
 * behind a proxy it is the proxy that connects, and only addresses written in the URL can be checked.
 */
export function createAgents({ proxy, ca }: Pick<UpstreamSettings, "proxy" | "ca">): Agents {
  const proxyEnv = proxy === undefined ? process.env : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
  const plain: AgentOptions = { keepAlive: false, proxyEnv };
  const trust = ca === undefined ? {} : { secureContext: createTrust(ca) };
  const guarded = { ...plain, lookup: lookupBehind(proxyHosts(proxyEnv)) };
  const agents = {
    open: { "http:": new HttpAgent(plain), "https:": new HttpsAgent({ ...plain, ...trust }) },
    guarded: { "http:": new HttpAgent(guarded), "https:": new HttpsAgent({ ...guarded, ...trust }) },
  };
  return {
    of(url, isGuarded) {
      return agents[isGuarded ? "guarded" : "open"][url.protocol === "https:" ? "https:" : "http:"];
    },
    close() {
      for (const kind of Object.values(agents)) for (const agent of Object.values(kind)) agent.destroy();
    },
  };
}

/** The proxy itself is configured, and may be anywhere. */
function lookupBehind(proxies: readonly string[]): LookupFunction {
  return (hostname, options, callback) => {
    if (proxies.includes(hostname)) lookup(hostname, options, callback);
    else lookupPublic(hostname, options, callback);
  };
}

function proxyHosts(environment: NodeJS.ProcessEnv): string[] {
  const values = ["HTTP_PROXY", "HTTPS_PROXY"].flatMap((name) => [environment[name], environment[name.toLowerCase()]]);
  return values.flatMap((value) => {
    const url = URL.parse(value ?? "");
    return url ? [url.hostname] : [];
  });
}
