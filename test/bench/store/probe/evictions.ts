import { openBlobStore } from "../../../../src/blobstore/index.ts";
import { Eviction, type EvictionSettings } from "../../../../src/eviction/index.ts";
import { openMetadata } from "../../../../src/metadata/index.ts";
import type { Digest } from "../../../../src/oci/index.ts";
import type { EvictionCosts, Probes } from "./protocol.ts";
import { scheduling } from "./scheduling.ts";

const settings: EvictionSettings = {
  maxSize: { kind: "bytes", bytes: 1024 ** 4 },
  minFree: { kind: "bytes", bytes: 0 },
  highWatermark: 0.95,
  lowWatermark: 0.9,
  leaseForMs: 15 * 60_000,
  orphanGraceMs: 60 * 60_000,
};

/** Some two hundred images. */
const bytesAtOnce = 5_000_000;

/**
 * Evicts one image after the other, and then many at once, files and all, with nothing else going on. What an eviction costs
 * the event loop is what the main thread was on a processor for it; waiting for the writer and for the disk is not in it. The
 * growth of the loop's busy time (`performance.eventLoopUtilization().active`: all time that it does not wait for events) is
 * told beside it: it has what the system gives to other processes meanwhile in it, and what the main thread waits for the disk.
 */
export async function measureEvictions({
  directory,
  count,
  leased,
}: Probes["evictions"]["ask"]): Promise<EvictionCosts> {
  const store = await openBlobStore({ directory, bootId: "bench" });
  const index = await openMetadata({ directory });
  const doomed: Digest[] = [];
  let images = 0;
  const eviction = await Eviction.create(settings, {
    store,
    index,
    now: Date.now,
    setTimer: () => () => undefined,
    observer: {
      left: () => undefined,
      evicted: (_, units) => void (images += units),
      doomed: (digests) => void doomed.push(...digests),
      failed(error) {
        throw error;
      },
    },
  });
  eviction.begin();
  for (const digest of leased) eviction.pulled(digest);
  await index.flushTouches();
  const costs: EvictionCosts = {
    ownMs: [],
    busyMs: [],
    wallMs: [],
    atOnce: { images: 0, ownMs: 0 },
    images: 0,
    doomed,
    blobsBefore: index.counts().blobs,
    blobsAfter: 0,
  };
  for (let done = 0; done < count; done += 1) await measureOne(costs, () => eviction.evictBytes(1));
  const ranBefore = scheduling().ranMs;
  const imagesBefore = images;
  await eviction.evictBytes(bytesAtOnce);
  await turn();
  costs.atOnce = { images: images - imagesBefore, ownMs: scheduling().ranMs - ranBefore };
  await eviction.close();
  costs.images = images;
  costs.blobsAfter = index.counts().blobs;
  await index.close();
  await store.close();
  return costs;
}

async function measureOne({ ownMs, busyMs, wallMs }: EvictionCosts, work: () => Promise<unknown>): Promise<void> {
  await turn();
  const startedAt = performance.now();
  const before = performance.eventLoopUtilization();
  const { ranMs } = scheduling();
  await work();
  busyMs.push(performance.eventLoopUtilization(before).active);
  wallMs.push(performance.now() - startedAt);
  await turn();
  ownMs.push(scheduling().ranMs - ranMs);
}

/** Sleeps a little: after that nothing of what came before goes on, and the time on a processor is up to date. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1));
}
