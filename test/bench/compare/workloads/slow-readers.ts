import { setTimeout as sleep } from "node:timers/promises";
import { seededBlob } from "../../../upstream/index.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { LoadProcess } from "../load/load-process.ts";
import { pushMix } from "../mix/mix.ts";
import { halfOfMost, offerMix, type MixOffer } from "../mix/offer-mix.ts";
import { medianOf, ratioOf } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { watchUsage } from "../usage.ts";
import { warm, type Asset } from "../warming.ts";
import type { Entrant, Goal, Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const repository = "library/slow";
const unloaded = "manifests alone";
const mixed = "the mix";
const loaded = "256 slow readers and the mix";
const megabytesPerMebibyte = 1.048576;
/** About 330 kB/s each: not slow enough to be dropped. */
const pace = { bytesPerTick: 32 * 1024, tickMs: 100 };

export const slowReadersWorkload: Workload = {
  name: "slow-readers",
  title: "manifests beside the mix at half of its maximum, and beside 256 slow readers of blobs of 1 GB",
  unit: "p99 ms of manifests",
  isLessBetter: true,
  goals: [
    {
      words: "peak resident memory beside slow readers and the mix, in MB",
      of: (results) => medianOf(results, loaded, ({ peakRssMiB = Number.NaN }) => peakRssMiB * megabytesPerMebibyte),
      atMost: 220,
    },
    loadedOver(unloaded),
    loadedOver(mixed),
  ],
  open,
};

function loadedOver(base: string): Goal {
  return {
    words: `p99 of manifests, ${loaded} over ${base}`,
    of: (results) => ratioOf(results, loaded, base),
    atMost: 3,
  };
}

function open(how: Opening): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const { upstream } = stage.origin;
    const mix = pushMix(upstream, how.isShort);
    const large = Array.from({ length: 4 }, (_, at): Asset => {
      const bytes = how.isShort ? 20e6 : 1e9;
      const digest = upstream.pushBlob(repository, seededBlob(`slow ${at}`, bytes));
      return { path: `/v2/${repository}/blobs/${digest}`, digest, bytes };
    });
    const server = await startEntrepot(stage, { tags: { freshFor: "1d" } });
    await warm(server, stage, [...mix.assets, ...large]);
    const offer = await halfOfMost(server, mix, how.isShort);
    const paths = large.map(({ path }) => path);
    const readers = { clients: how.isShort ? 16 : 256, paths, settleMs: how.isShort ? 300 : 5000 };
    return [
      watched(unloaded, server, () => measureMix(stage, server, { ...offer, isManifestsOnly: true })),
      watched(mixed, server, () => measureMix(stage, server, offer)),
      watched(loaded, server, () => besideReaders(stage, server, { offer, readers })),
    ];
  });
}

interface Beside {
  offer: MixOffer;
  readers: { clients: number; paths: readonly string[]; settleMs: number };
}

/** What the readers have cost from their first request on is counted too. */
function watched(name: string, { pids }: Server, measure: () => Promise<Measurement>): Entrant {
  return {
    name,
    async measure() {
      const usage = watchUsage(...pids);
      return { ...(await measure()), ...usage() };
    },
  };
}

async function besideReaders(stage: Stage, server: Server, { offer, readers }: Beside): Promise<Measurement> {
  const client = new LoadProcess("dawdle");
  await stage.onClose(() => client.end());
  try {
    await client.ask({ url: server.url, ...readers, ...pace });
    await sleep(readers.settleMs);
    const before = await client.ask("taken");
    const measured = await measureMix(stage, server, offer);
    const after = await client.ask("taken");
    const taken = after.map((bytes, at) => bytes - (before[at] ?? 0));
    if (Math.min(...taken) <= 0) throw new Error("a slow reader has not been served");
    return { ...measured, extra: { ...measured.extra, "MB read slowly": sum(taken) / 1e6 } };
  } finally {
    await client.end();
  }
}

async function measureMix({ origin }: Stage, { url }: Server, offer: MixOffer): Promise<Measurement> {
  const asked = origin.watch();
  const { p99MsOf, errors, requests, bytes, takenPerSecond } = await offerMix(url, offer);
  if (errors.count > 0) throw new Error(errors.words.join("; "));
  const value = p99MsOf["manifests"] ?? Number.NaN;
  return { value, requests, bytes, upstream: asked(), extra: { "answered per s": takenPerSecond } };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
