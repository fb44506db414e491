import { Catalog } from "../../store/catalog.ts";
import { Starts } from "../../store/first-hit.ts";
import { prepareStore, type PreparedStore } from "../../store/prepared-store.ts";
import { medianOf } from "../results.ts";
import { openOnStage } from "../stage.ts";
import type { Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const clean = "after a clean stop";
const crashed = "after kill -9";

export const startUpWorkload: Workload = {
  name: "start-up",
  title: "from the start of the process to the first hit, with 1,000,000 blobs",
  unit: "ms",
  isLessBetter: true,
  goals: [{ words: `ms to the first hit ${clean}`, of: (results) => medianOf(results, clean), atMost: 1000 }],
  open,
};

function open(how: Opening): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const prepared = await prepareStore(how.isShort ? 1000 : 1_000_000);
    await prepared.restore();
    const starts = await Starts.prepare(prepared, randomBlobs(prepared));
    await stage.onClose(() => starts.close());
    return [
      { name: clean, measure: () => afterStop(starts) },
      { name: crashed, measure: () => afterCrash(starts) },
    ];
  });
}

async function afterStop(starts: Starts): Promise<Measurement> {
  const stoppedMs = await starts.end("SIGTERM");
  return { value: await starts.start(), extra: { "clean stop ms": stoppedMs } };
}

async function afterCrash(starts: Starts): Promise<Measurement> {
  await starts.crash();
  return { value: await starts.start() };
}

function randomBlobs({ pristineIndex }: PreparedStore): ReturnType<Catalog["randomBlobs"]> {
  const catalog = new Catalog(pristineIndex);
  try {
    return catalog.randomBlobs(100);
  } finally {
    catalog.close();
  }
}
