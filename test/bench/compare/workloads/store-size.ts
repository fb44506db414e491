import { request } from "undici";
import { freePort, until } from "../../../clients/child-processes.ts";
import { seededBlob, type TestUpstream } from "../../../upstream/index.ts";
import { startMeasured } from "../../measured-instance.ts";
import { Catalog } from "../../store/catalog.ts";
import { freshenTags } from "../../store/fresh-tags.ts";
import { prepareStore } from "../../store/prepared-store.ts";
import { loadedEntrant } from "../loaded.ts";
import { medianOf, ratioOf, spreadOfEntrant } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { warm, type Asset } from "../warming.ts";
import type { Entrant, Opening, OpenWorkload, Workload, WorkloadResults } from "../workload.ts";

const repository = "library/added";
const small = "a small store";
const large = "a store a hundred times as large";
const asked = 500;
const added = 100;

interface Content {
  catalog: Catalog;
  upstream: TestUpstream;
}

/** What is asked for, of a store; all of one size, or nearly so, the smallest first. */
type Choose = (content: Content) => Asset[];

export const storeSizeWorkloads: readonly Workload[] = [
  storeSize("store-tag", "manifests by tag, fresh", ({ catalog }) =>
    catalog.randomTags(asked).map(({ repository: name, tag, digest, bytes }) => ({
      path: `/v2/${name}/manifests/${tag}`,
      digest,
      bytes,
    })),
  ),
  storeSize("store-digest", "manifests by digest", ({ catalog }) =>
    catalog.randomTags(asked).map(({ repository: name, digest, bytes }) => ({
      path: `/v2/${name}/manifests/${digest}`,
      digest,
      bytes,
    })),
  ),
  storeSize("store-4k", "blobs of 4 KB", ({ catalog }) => {
    // The blobs of a generated store have 1 to 4 KiB.
    const largest = catalog.randomBlobs(20 * asked).sort((one, other) => other.bytes - one.bytes);
    const chosen = largest.slice(0, asked).reverse();
    return chosen.map(({ repository: name, digest, bytes }) => ({
      path: `/v2/${name}/blobs/${digest}`,
      digest,
      bytes,
    }));
  }),
  storeSize("store-100k", "blobs of 100 KB, added to it", ({ upstream }) =>
    Array.from({ length: added }, (_, at) => {
      const digest = upstream.pushBlob(repository, seededBlob(`added ${at}`, 100_000));
      return { path: `/v2/${repository}/blobs/${digest}`, digest, bytes: 100_000 };
    }),
  ),
];

function storeSize(name: string, what: string, choose: Choose): Workload {
  return {
    name,
    title: `${what}, warm: a store of 10,000 blobs and one of 1,000,000`,
    group: "size of the store",
    unit: "requests/s",
    goals: [
      { words: "each median lies among the rounds of the other: 1", of: (results) => isWithin(results), atLeast: 1 },
      { words: "the large store over the small one", of: (results) => ratioOf(results, large, small) },
    ],
    open: (how) => open(how, choose),
  };
}

function isWithin(results: WorkloadResults): number {
  const lies = (one: string, other: string): boolean => {
    const median = medianOf(results, one);
    const spread = spreadOfEntrant(results, other);
    return spread !== undefined && median >= spread.min && median <= spread.max;
  };
  return lies(small, large) && lies(large, small) ? 1 : 0;
}

function open(how: Opening, choose: Choose): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const sizes = how.isShort ? { [small]: 1000, [large]: 10_000 } : { [small]: 10_000, [large]: 1_000_000 };
    const entrants: Entrant[] = [];
    for (const [name, blobs] of Object.entries(sizes)) {
      const { server, assets } = await openStore(stage, { name, blobs, choose });
      await warm(server, stage, assets);
      entrants.push(loadedEntrant(server, stage, { assets, connections: 16, seconds: how.isShort ? 1 : 6 }));
    }
    return entrants;
  });
}

interface OfSize {
  name: string;
  blobs: number;
  choose: Choose;
}

/** entrepot on a generated store, from which everything is taken that a run has added to it before. */
async function openStore(stage: Stage, { name, blobs, choose }: OfSize): Promise<{ server: Server; assets: Asset[] }> {
  const prepared = await prepareStore(blobs);
  await prepared.restore();
  freshenTags(prepared.directory);
  const catalog = new Catalog(prepared.pristineIndex);
  try {
    const assets = choose({ catalog, upstream: stage.origin.upstream });
    return { server: await startOn(stage, name, prepared.directory), assets };
  } finally {
    catalog.close();
  }
}

/** Serves once what is behind a start is done: until then, the whole store is being looked through. */
async function startOn({ origin, directoryFor, onClose }: Stage, name: string, dataDir: string): Promise<Server> {
  const admin = `127.0.0.1:${await freePort()}`;
  const settings = {
    admin: { listen: admin },
    dataDir,
    storage: { maxSize: "1TiB", minFree: "1MiB" },
    scrub: { every: "0s" },
  };
  const directory = directoryFor(name);
  const instance = await startMeasured(origin.url, { directory, tags: { freshFor: "1d" }, settings });
  await onClose(() => instance.stop());
  await until("files and index to be compared", 600_000, async () => {
    const { body } = await request(`http://${admin}/metrics`);
    return /^entrepot_reconcile_ratio 1$/m.test(await body.text());
  });
  return { name, url: instance.url, pids: [instance.pid] };
}
