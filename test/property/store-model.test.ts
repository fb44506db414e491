import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";
import { InstanceProcesses } from "../support/instance-process.ts";
import { startUpstream } from "../upstream/index.ts";
import { pushCatalog, type Catalog } from "./store-model/catalog.ts";
import type { Model } from "./store-model/command.ts";
import { storeCommands } from "./store-model/commands.ts";
import { pullEverythingOffline } from "./store-model/pulling.ts";
import { World } from "./store-model/world.ts";

/** So many runs, or as many as fit into the time. */
const runs = Number(process.env["MODEL_RUNS"] ?? 40);
const limitMs = Number(process.env["MODEL_LIMIT_MS"] ?? 60_000);
/** To repeat what has failed: what the failure tells of itself. */
const { MODEL_SEED: seed, MODEL_PATH: path, MODEL_REPLAY: replayPath } = process.env;

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
    { timeout: 10 * limitMs },
    async () => {
      const commands = fc.commands(storeCommands(catalog), {
        maxCommands: 25,
        size: "max",
        ...(replayPath !== undefined && { replayPath }),
      });
      const until = performance.now() + limitMs;
      const done = { runs: 0, steps: 0 };
      await fc.assert(
        fc.asyncProperty(commands, async (steps) => {
          // Not fast-check's own limit: that would leave a run behind in the middle.
          if (performance.now() > until) return;
          const world = await World.open(processes);
          try {
            await fc.asyncModelRun(() => ({ model: { isUpstreamUp: true } satisfies Model, real: world }), steps);
            await pullEverythingOffline(world);
          } finally {
            await world.close();
            done.runs += 1;
            done.steps += world.steps;
          }
        }),
        { numRuns: runs, ...(seed !== undefined && { seed: Number(seed) }), ...(path !== undefined && { path }) },
      );
      console.log(`store model: ${done.runs} runs of ${done.steps} steps together`);
    },
  );
});
