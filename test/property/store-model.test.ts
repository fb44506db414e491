import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";
import { InstanceProcesses } from "../support/instance-process.ts";
import { startUpstream } from "../upstream/index.ts";
import { pushCatalog, type Catalog } from "./store-model/catalog.ts";
import { storeCommands, type Model } from "./store-model/commands.ts";
import { pullEverythingOffline } from "./store-model/pulling.ts";
import { World } from "./store-model/world.ts";

const runs = Number(process.env["MODEL_RUNS"] ?? 40);
const seed = process.env["MODEL_SEED"];

let processes: InstanceProcesses;
let catalog: Catalog;

beforeAll(async () => {
  processes = new InstanceProcesses();
  const upstream = await startUpstream({});
  catalog = pushCatalog(upstream);
  await upstream.close();
});

afterAll(() => processes.close());

describe("a store that is pulled from, evicted from, pinned, spoilt and killed in any order", () => {
  test(
    "answers rightly or with an error, keeps what it must, and counts what it has",
    { timeout: 600_000 },
    async () => {
      const commands = fc.commands(storeCommands(catalog), { maxCommands: 25, size: "max" });
      await fc.assert(
        fc.asyncProperty(commands, async (steps) => {
          const world = await World.open(processes);
          try {
            await fc.asyncModelRun(() => ({ model: { isUpstreamUp: true } satisfies Model, real: world }), steps);
            await pullEverythingOffline(world);
          } finally {
            await world.close();
          }
        }),
        { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }) },
      );
    },
  );
});
