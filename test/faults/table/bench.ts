import { access } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startInstance, type Instance } from "../../support/instance.ts";
import { openIndexReader, type IndexReader } from "../../support/index-reader.ts";
import { SkippingClock } from "../../support/skipping-clock.ts";
import { startUpstream, type TestUpstream, type UpstreamOptions } from "../../upstream/index.ts";
import { attempts } from "./row.ts";

/** Everything before our first byte. */
export const answerWithinMs = 4000;

/** Short, so that silence and stalls are over soon. */
const shortLimits = {
  answerWithin: `${answerWithinMs}ms`,
  headerTimeout: "300ms",
  idleTimeout: "300ms",
  connectTimeout: "1s",
  attempts,
  maxBlobSize: "16MiB",
};

export interface BenchOptions {
  upstream?: UpstreamOptions;
  /** Of the configured upstream, besides its endpoint. */
  settings?: Record<string, unknown>;
  /** Too little for any blob: everything passes through, and nothing of it becomes a hit. */
  maxSize?: string;
  /** How long what is left behind may take to be as the row says; 1.5 s by default. */
  patienceMs?: number;
}

/** One upstream and one instance before it, for all rows of a file; every row has a repository of its own. */
export interface Bench {
  readonly upstream: TestUpstream;
  readonly instance: Instance;
  readonly clock: SkippingClock;
  readonly index: IndexReader;
  readonly hasRoom: boolean;
  readonly patienceMs: number;
  /** Bodies of all errors that clients were sent. */
  readonly errorBodies: string[];
  readonly nextRepository: () => string;
}

/** The name under which the test upstream is configured. */
export const upstreamName = "faulty.test";

/** Starts a bench before all tests of the file, and takes it down after them, with nothing left behind. */
export function useBench(options: BenchOptions = {}): () => Bench {
  let bench: Bench | undefined;
  beforeAll(async () => {
    bench = await openBench(options);
  });
  afterAll(async () => {
    await bench?.index.close();
    await bench?.instance.remove();
    await bench?.upstream.close();
  });
  return () => {
    if (!bench) throw new Error("the bench is there once the tests run");
    return bench;
  };
}

async function openBench(options: BenchOptions): Promise<Bench> {
  const upstream = await startUpstream(options.upstream ?? {});
  const clock = new SkippingClock();
  const instance = await startInstance({
    clock,
    settings: {
      ...(options.maxSize !== undefined && { storage: { maxSize: options.maxSize, minFree: "1MiB" } }),
      limits: shortLimits,
      upstreams: { [upstreamName]: { endpoints: [upstream.url], ...options.settings } },
    },
  });
  const index = await openIndexReader(join(instance.directory, "data"));
  let repositories = 0;
  return {
    upstream,
    instance,
    clock,
    index,
    hasRoom: options.maxSize === undefined,
    patienceMs: options.patienceMs ?? 1500,
    errorBodies: [],
    nextRepository: () => `row/number-${++repositories}`,
  };
}

export async function isStored({ instance }: Bench, digest: string): Promise<boolean> {
  const [algorithm = "", hex = ""] = digest.split(":");
  const path = join(instance.directory, "data", "blobs", algorithm, hex.slice(0, 2), hex);
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Once nothing is being filled any more, no request can follow. */
export async function flightsEnded({ instance }: Bench): Promise<void> {
  await eventually(async () => {
    const stats = (await (await fetch(`${instance.adminUrl}/api/v1/stats`)).json()) as { flights: { running: number } };
    expect(stats.flights.running).toBe(0);
  }, 10_000);
}

/** All that a failure is remembered for is over: no part is left, and no space is set aside. */
export async function expectNothingLeft({ instance, clock }: Bench): Promise<void> {
  clock.skip(61_000);
  await eventually(async () => {
    expect(await instance.staging()).toEqual([]);
    expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  });
}
