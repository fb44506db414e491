import { openBlobStore } from "../../../../src/blobstore/index.ts";
import { Eviction, type EvictionSettings } from "../../../../src/eviction/index.ts";
import { openMetadata } from "../../../../src/metadata/index.ts";
import type { Digest } from "../../../../src/oci/index.ts";
import type { EvictionCosts, Probes } from "./protocol.ts";

const settings: EvictionSettings = {
  maxSize: { kind: "bytes", bytes: 1024 ** 4 },
  minFree: { kind: "bytes", bytes: 0 },
  highWatermark: 0.95,
  lowWatermark: 0.9,
  leaseForMs: 15 * 60_000,
  orphanGraceMs: 60 * 60_000,
};

/**
 * Evicts one image after the other, files and all, with nothing else going on. What an eviction costs the main thread is
 * the growth of its busy time (`performance.eventLoopUtilization().active`: all time that it does not wait for events)
 * from the call to its end; waiting for the writer and for the disk is not in it, but what the system gives to other
 * processes meanwhile is. So the time on a processor (`process.threadCpuUsage()`) is told beside it.
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
    busyMs: [],
    cpuMs: [],
    wallMs: [],
    images: 0,
    doomed,
    blobsBefore: index.counts().blobs,
    blobsAfter: 0,
  };
  for (let done = 0; done < count; done += 1) await measureOne(costs, () => eviction.evictBytes(1));
  await eviction.close();
  costs.images = images;
  costs.blobsAfter = index.counts().blobs;
  await index.close();
  await store.close();
  return costs;
}

async function measureOne({ busyMs, cpuMs, wallMs }: EvictionCosts, work: () => Promise<unknown>): Promise<void> {
  // A turn of its own, so that nothing of the one before is in it.
  await new Promise((resolve) => setTimeout(resolve, 1));
  const startedAt = performance.now();
  const before = performance.eventLoopUtilization();
  const cpuBefore = process.threadCpuUsage();
  await work();
  const cpu = process.threadCpuUsage(cpuBefore);
  busyMs.push(performance.eventLoopUtilization(before).active);
  cpuMs.push((cpu.user + cpu.system) / 1000);
  wallMs.push(performance.now() - startedAt);
}
