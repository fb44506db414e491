import { join } from "node:path";
import { Client } from "undici";
import { EntrepotProcess } from "../faults/support/entrepot-process.ts";
import type { Scratch } from "../faults/support/scratch.ts";
import type { Host } from "./network.ts";
import type { Upstream } from "./upstream.ts";

/** An entrepot on a host of its own. */
export interface Cache {
  process: EntrepotProcess;
  /** The value of a series, or the sum of those that match. */
  metric: (series: RegExp) => Promise<number>;
}

interface CacheOptions {
  host: Host;
  listen: string;
  upstream: Upstream;
  endpoints: readonly unknown[];
  settings?: Record<string, unknown>;
}

async function startCache(
  scratch: Scratch,
  { host, listen, upstream, endpoints, settings }: CacheOptions,
): Promise<Cache> {
  const directory = await scratch.make(host.name);
  const adminSocket = join(directory, "admin.sock");
  const process = await EntrepotProcess.start({
    directory,
    upstreamUrl: upstream.url,
    under: host.under,
    settings: {
      listen,
      admin: { listen: `unix:${adminSocket}` },
      tags: { freshFor: "1s" },
      limits: { attempts: 6 },
      upstreams: { [upstream.name]: { endpoints, breaker: { openFor: "2s" } } },
      ...settings,
    },
  });
  // Unix sockets do not care for network namespaces.
  const client = new Client("http://localhost", { socketPath: adminSocket });
  scratch.onClose(() => client.destroy());
  const metric = async (series: RegExp): Promise<number> => {
    const { body } = await client.request({ method: "GET", path: "/metrics" });
    const lines = (await body.text()).split("\n").filter((line) => series.test(line));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };
  return { process, metric };
}

/** A cache that nodes share. */
export function startParent(scratch: Scratch, host: Host, upstream: Upstream): Promise<Cache> {
  return startCache(scratch, {
    host,
    upstream,
    listen: `${host.address}:5000`,
    endpoints: [upstream.url],
    settings: { metrics: { listen: `${host.address}:9100` } },
  });
}

/** The cache on a node, behind `parents`; without them it goes to the registry itself. */
export function startNode(scratch: Scratch, host: Host, upstream: Upstream, parents: string): Promise<Cache> {
  const endpoints = [{ url: parents, addressing: "ns", trusted: true }, upstream.url];
  return startCache(scratch, { host, upstream, listen: "127.0.0.1:5000", endpoints });
}
