import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startInstance, type Instance } from "../../support/instance.ts";
import { SkippingClock } from "../../support/skipping-clock.ts";
import { startTlsFront, startUpstream, type TestUpstream, type TlsFront } from "../../upstream/index.ts";
import { certificate, elsewhereCertificate, expiredCertificate, privateKey } from "../../unit/upstream/certificate.ts";

/** The name under which the test upstream is configured. */
export const outageName = "outage.test";
export const answerWithinMs = 4000;
export const headerTimeoutMs = 1000;
export const openForMs = 30_000;

const repositories = ["kept/one", "kept/two", "kept/three"] as const;

/** Three images that are stored, one that is not, and an upstream that can go away in every way. */
export interface OutageBench {
  readonly upstream: TestUpstream;
  readonly front: TlsFront;
  readonly clock: SkippingClock;
  instance: Instance;
  /** The digests of the images, by repository. */
  readonly digests: ReadonlyMap<string, string>;
  readonly repositories: readonly string[];
  /** A path for a manifest by tag. */
  readonly path: (repository: string, tag?: string) => string;
  /** The same data, with another address of the upstream. */
  moveTo(url: string): Promise<void>;
  close(): Promise<void>;
}

export async function openOutageBench(): Promise<OutageBench> {
  const upstream = await startUpstream();
  const front = await startTlsFront(upstream.port, { cert: certificate, key: privateKey });
  const directory = await mkdtemp(join(tmpdir(), "entrepot-outage-"));
  const caFile = join(directory, "ca.pem");
  // All are trusted but for what is wrong with them.
  await writeFile(caFile, `${certificate}${expiredCertificate}${elsewhereCertificate}`);
  const clock = new SkippingClock();
  const open = (url: string): Promise<Instance> =>
    startInstance({ clock, directory, settings: settingsFor(url, caFile) });
  const digests = new Map(repositories.map((name) => [name as string, upstream.pushImage(name, "1").digest]));
  const path = (repository: string, tag = "1"): string => `/v2/${repository}/manifests/${tag}?ns=${outageName}`;
  const bench: OutageBench = {
    upstream,
    front,
    clock,
    instance: await open(front.url),
    digests,
    repositories,
    path,
    async moveTo(url) {
      await bench.instance.stop();
      bench.instance = await open(url);
    },
    async close() {
      await bench.instance.remove();
      await rm(directory, { recursive: true, force: true });
      await front.close();
      await upstream.close();
    },
  };
  for (const repository of repositories) await bench.instance.ask(path(repository));
  return bench;
}

function settingsFor(url: string, caFile: string): Record<string, unknown> {
  return {
    limits: {
      answerWithin: `${answerWithinMs}ms`,
      headerTimeout: `${headerTimeoutMs}ms`,
      connectTimeout: "1s",
      idleTimeout: "1s",
      attempts: 3,
    },
    tags: { staleAfter: "2s" },
    upstreams: {
      [outageName]: { endpoints: [url], tls: { caFile }, breaker: { openFor: `${openForMs}ms` } },
    },
  };
}
