import { CountingProxy } from "../../clients/counting-proxy.ts";
import { binary, type ChildProcesses } from "../../clients/child-processes.ts";
import { startUpstreamRegistry } from "../../clients/upstream-registry.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import type { Opening } from "./workload.ts";

/** What an origin was asked, and the bytes of bodies that left it: not those of pings, which docker-registry sends all the time. */
export interface Asked {
  requests: number;
  bytes: number;
}

/** The registry that all entrants pull from. */
export interface Origin {
  readonly url: string;
  /** Its content, and the way to add to it; with a real registry that one has a copy of it. */
  readonly upstream: TestUpstream;
  /** Begins to count: the answer tells what was asked since. One count at a time. */
  watch(): () => Asked;
  close(): Promise<void>;
}

/** What of the content a real registry is given. */
export interface Copied {
  repository: string;
  tag: string;
}

/**
 * The test upstream in this process, or a real docker-registry with the same content behind a proxy that counts.
 *
 * @param fill - pushes the content, and tells which tags of it matter
 */
export async function openOrigin(
  kind: Opening["origin"],
  processes: ChildProcesses,
  directory: string,
  fill: (upstream: TestUpstream) => Copied[],
): Promise<Origin> {
  const upstream = await startUpstream({});
  try {
    const copied = fill(upstream);
    if (kind === "in-process") return inProcess(upstream);
    return await realRegistry(upstream, copied, processes, directory);
  } catch (error) {
    await upstream.close();
    throw error;
  }
}

function inProcess(upstream: TestUpstream): Origin {
  const { requests } = upstream;
  return {
    url: upstream.url,
    upstream,
    watch() {
      requests.clear();
      return () => ({ requests: requests.count(), bytes: requests.bytes(({ kind }) => kind !== "ping") });
    },
    close: () => upstream.close(),
  };
}

async function realRegistry(
  upstream: TestUpstream,
  copied: readonly Copied[],
  processes: ChildProcesses,
  directory: string,
): Promise<Origin> {
  const registry = await startUpstreamRegistry(processes, directory);
  for (const { repository, tag } of copied) {
    const image = (host: string): string => `docker://${host}/${repository}:${tag}`;
    const plain = ["--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    const args = [
      "--insecure-policy",
      "copy",
      ...plain,
      image(new URL(upstream.url).host),
      image(`127.0.0.1:${registry.port}`),
    ];
    await processes.run(binary("skopeo"), args, { timeoutMs: 600_000 });
  }
  const proxy = new CountingProxy(registry.port);
  await proxy.start();
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    upstream,
    watch() {
      proxy.forget();
      return () => ({
        requests: proxy.requests.length,
        bytes: proxy.requests.reduce((sum, { kind, bytes }) => (kind === "other" ? sum : sum + bytes), 0),
      });
    },
    async close() {
      await proxy.stop();
      await upstream.close();
    },
  };
}
