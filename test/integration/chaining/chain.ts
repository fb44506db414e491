import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { startInstance, type Instance } from "../../support/instance.ts";
import type { Clock } from "../../../src/cache/index.ts";

/** The upstream as clients of every instance call it. */
export const name = "registry.test";

export interface NodeOptions {
  /** Who is asked in turn: parents, and as plain text the URL of the registry itself. */
  above: readonly ({ readonly url: string } | string)[];
  addressing?: "ns" | "path";
  trusted?: boolean;
  clock?: Clock;
  /** Of the whole configuration. */
  settings?: Record<string, unknown>;
  /** Of the upstream. */
  upstream?: Record<string, unknown>;
}

/** An instance that asks other instances, or the registry, in this order. */
export function startNode(options: NodeOptions): Promise<Instance> {
  const { above, addressing = "ns", trusted = false, clock, settings = {}, upstream = {} } = options;
  const endpoints = above.map((one) => (typeof one === "string" ? one : { url: one.url, addressing, trusted }));
  return startInstance({
    ...(clock && { clock }),
    settings: { ...settings, upstreams: { [name]: { endpoints, ...upstream } } },
  });
}

/** The path of something in a repository of the upstream, as a client with `ns` asks for it. */
export function of(path: string): string {
  return `/v2/${path}?ns=${name}`;
}

/** A port that nobody listens on, for whoever must be told of an instance before it is there. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
