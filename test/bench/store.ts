import { existsSync, statSync } from "node:fs";
import { loadavg } from "node:os";
import { blobPath } from "../../src/blobstore/index.ts";
import type { Finding } from "./finding.ts";
import { Catalog } from "./store/catalog.ts";
import { formatFigures, spread, type Figure } from "./store/figures.ts";
import { measureFirstHits } from "./store/first-hit.ts";
import { prepareStore, type PreparedStore } from "./store/prepared-store.ts";
import type { Probes } from "./store/probe/protocol.ts";
import { askProbe } from "./store/start-probe.ts";
import { measurePauses, type Outcome } from "./store/upkeep-pauses.ts";

/** Another choice, such as `BENCH_BLOBS=10000,100000`, is quicker; multiples of 200. */
const sizes = (process.env["BENCH_BLOBS"] ?? "10000,1000000").split(",").map(Number);

const lookups = 50_000;
const evictions = 500;
const leased = 300;
const pulledImages = 5000;

/**
 * A store of a million files beside one of ten thousand: what a lookup and the eviction of an image cost, how long a start
 * takes, and how long the event loop stands still while the store is looked after. All but what is right or wrong are figures.
 */
export async function store(): Promise<Finding[]> {
  const columns: Figure[][] = [];
  const findings: Finding[] = [];
  for (const size of sizes) {
    const outcome = await measure(size);
    columns.push(outcome.figures);
    findings.push(...outcome.findings.map((one) => ({ ...one, promise: `${size} blobs: ${one.promise}` })));
  }
  console.log(formatFigures(sizes, columns));
  return findings;
}

async function measure(size: number): Promise<Outcome> {
  const prepared = await prepareStore(size);
  console.log(`# ${size} blobs: prepared in ${prepared.preparedSeconds.toFixed(0)} s`);
  const indexMiB = statSync(prepared.pristineIndex).size / 1024 ** 2;
  const outcome: Outcome = { figures: [{ name: "size of the index", unit: "MiB", value: indexMiB }], findings: [] };
  const catalog = new Catalog(prepared.pristineIndex);
  try {
    for (const stage of [measureLookups, measureEvictions, measureStarts, measureUpkeep]) {
      console.log(`# ${size} blobs: ${stage.name}, at a load of ${loadavg()[0]?.toFixed(1)}`);
      await prepared.restore();
      const { figures, findings } = await stage(prepared, catalog);
      outcome.figures.push(...figures);
      outcome.findings.push(...findings);
    }
  } finally {
    catalog.close();
  }
  return outcome;
}

async function measureLookups({ directory }: PreparedStore, catalog: Catalog): Promise<Outcome> {
  const random = await lookUp({ directory, held: catalog.randomBlobs(lookups) });
  const layers = catalog.sharedLayers(lookups);
  const pulled = await lookUp({ directory, held: layers });
  const shared = await lookUp({ directory, held: layers.map(({ repository, digest }) => ({ repository, digest })) });
  return {
    figures: [
      ...spread("lookup of a random blob", "µs", random.eachUs, 50),
      ...spread("lookup of a shared layer, named by the manifest asked for before", "µs", pulled.eachUs, 50),
      ...spread("lookup of a shared layer, named by any manifest of its repository", "µs", shared.eachUs, 50),
    ],
    findings: [random, pulled, shared].map(({ found, eachUs }) => ({
      promise: "every lookup finds what is stored",
      holds: found === eachUs.length && found > 0,
      figure: `${found} of ${eachUs.length}`,
    })),
  };
}

function lookUp(ask: Probes["lookups"]["ask"]): Promise<Probes["lookups"]["answer"]> {
  return askProbe("lookups", ask);
}

async function measureEvictions(prepared: PreparedStore, catalog: Catalog): Promise<Outcome> {
  const plain = await evict(prepared, "evicting an image", []);
  await prepared.restore();
  const manifests = catalog.recentImages(leased).map(({ manifest }) => manifest);
  const amongLeases = await evict(prepared, `evicting an image beside ${leased} leased ones`, manifests);
  return {
    figures: [...plain.figures, ...amongLeases.figures],
    findings: [...plain.findings, ...amongLeases.findings],
  };
}

async function evict(
  { directory }: PreparedStore,
  name: string,
  leases: Probes["evictions"]["ask"]["leased"],
): Promise<Outcome> {
  const costs = await askProbe("evictions", { directory, count: evictions, leased: leases });
  const { ownMs, busyMs, wallMs, atOnce, doomed, images, blobsBefore, blobsAfter } = costs;
  const filesLeft = doomed.filter((digest) => existsSync(blobPath(directory, digest))).length;
  return {
    figures: [
      ...spread(`${name}: event loop`, "ms", ownMs, 2),
      ...spread(`${name}: event loop, others' time included`, "ms", busyMs),
      ...spread(`${name}: from call to end`, "ms", wallMs),
      { name: `${name} among many at once: event loop, mean`, unit: "ms", value: atOnce.ownMs / atOnce.images },
    ],
    findings: [
      {
        promise: `${name} unlinks its files, and the index counts them no more`,
        holds: images === evictions + atOnce.images && filesLeft === 0 && blobsBefore - blobsAfter === doomed.length,
        figure: `${images} images, ${doomed.length} files, ${filesLeft} left`,
      },
    ],
  };
}

async function measureStarts(prepared: PreparedStore, catalog: Catalog): Promise<Outcome> {
  return { figures: await measureFirstHits(prepared, catalog.randomBlobs(100)), findings: [] };
}

function measureUpkeep(prepared: PreparedStore, catalog: Catalog): Promise<Outcome> {
  return measurePauses(prepared, catalog.recentImages(pulledImages));
}
