import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inParallel } from "../support/in-parallel.ts";
import { Scratch } from "../support/scratch.ts";
import { createChoice, isEveryPointWanted } from "./choices.ts";
import { eviction } from "./eviction.ts";
import { inspect } from "./inspect.ts";
import { imagesOf, killAt, type Remains } from "./interrupt.ts";
import { pull } from "./pull.ts";
import { reconcile } from "./reconcile.ts";
import type { Scenario } from "./scenario.ts";
import type { Step } from "./step-log.ts";

const isEvery = isEveryPointWanted();
/** More are added here: whatever writes to the data directory in a new way has a scenario. */
const scenarios: readonly Scenario[] = [pull, eviction, reconcile];
const realKills = isEvery ? 24 : 6;
const timeout = (isEvery ? 120 : 20) * 60_000;

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

describe.each(scenarios)("$name", { timeout }, (scenario) => {
  it("leaves behind each of its steps what the next start makes good", async () => {
    const { images, steps, neverAlone } = await imagesOf({ scenario, scratch }, createChoice(isEvery));
    expect(neverAlone, "steps that could not be told apart").toEqual([]);
    const findings = await inspect(images, { scenario });
    console.log(`${scenario.name}: ${steps.length} steps, looked at ${images.length} directories behind them`);
    expect(findings).toEqual([]);
  });

  it("leaves the same when it is killed indeed", async () => {
    const { steps } = await imagesOf({ scenario, scratch }, () => false);
    const labels = spread(realKills, labelsOf(steps));
    const remains: Remains[] = [];
    await inParallel(labels, () => {
      const take = async (label: string): Promise<void> => {
        const killed = await killAt({ scenario, scratch }, label);
        if (killed) remains.push(killed);
      };
      return Promise.resolve({ take, end: () => Promise.resolve() });
    });
    expect(remains.map(({ label }) => label).sort()).toEqual([...labels].sort());
    const findings = await inspect(remains, { scenario });
    console.log(`${scenario.name}: killed behind ${labels.join(", ")}`);
    expect(findings).toEqual([]);
  });
});

/** Each kind of step once; the directories of an empty store are all alike. */
function labelsOf(steps: readonly Step[]): string[] {
  return [...new Set(steps.map(({ label }) => label))].filter((label) => !label.startsWith("mkdir blobs/"));
}

function spread<T>(count: number, items: readonly T[]): T[] {
  return items.filter(
    (_, index) => Math.floor((index * count) / items.length) !== Math.floor(((index - 1) * count) / items.length),
  );
}
