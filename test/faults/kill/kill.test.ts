import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { killAll } from "../support/entrepot-process.ts";
import { inParallel } from "../support/in-parallel.ts";
import { Scratch } from "../support/scratch.ts";
import { createChoice, isEveryPointWanted } from "./choices.ts";
import { inspect } from "./inspect.ts";
import { imagesOf, killAt, type Remains } from "./interrupt.ts";
import { pull } from "./pull.ts";
import type { Scenario } from "./scenario.ts";
import type { Step } from "./step-log.ts";

/** More are added here: whatever writes to the data directory in a new way has a scenario. */
const scenarios: readonly Scenario[] = [pull];

const isEvery = isEveryPointWanted();
const realKills = isEvery ? 24 : 6;

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
  scratch.onClose(killAll);
});

afterEach(() => scratch.close());

describe.each(scenarios)("$name", { timeout: 20 * 60_000 }, (scenario) => {
  it("leaves behind each of its steps what the next start makes good", async () => {
    const { images, steps, neverAlone } = await imagesOf({ scenario, scratch }, createChoice(isEvery));
    expect(neverAlone, "steps that could not be told apart").toEqual([]);
    const findings = await inspect(images, { scenario });
    console.log(`${scenario.name}: ${steps.length} steps, looked at ${images.length} directories behind them`);
    expect(findings).toEqual([]);
  });

  it("leaves the same when it is killed indeed", async () => {
    const { steps } = await imagesOf({ scenario, scratch }, () => false);
    const numbers = spread(realKills, numbersWithoutFanOut(steps));
    const remains: Remains[] = [];
    await inParallel(numbers, () => {
      const take = async (number: number): Promise<void> => {
        const killed = await killAt({ scenario, scratch }, number);
        if (killed) remains.push(killed);
      };
      return Promise.resolve({ take, end: () => Promise.resolve() });
    });
    expect(remains.map(({ number }) => number).sort((one, other) => one - other)).toEqual(numbers);
    const findings = await inspect(remains, { scenario });
    console.log(`${scenario.name}: killed behind ${remains.map(({ label }) => label).join(", ")}`);
    expect(findings).toEqual([]);
  });
});

/** Nothing happens in the empty directories, and they are many. */
function numbersWithoutFanOut(steps: readonly Step[]): number[] {
  return steps.flatMap(({ call }, index) => (call === "mkdir" ? [] : [index + 1]));
}

/** `count` of the numbers, evenly; the last few are left out, as another run may have fewer steps. */
function spread(count: number, numbers: readonly number[]): number[] {
  const end = numbers.length - 20;
  return Array.from({ length: count }, (_, index) => numbers[Math.floor(((index + 0.5) / count) * end)] ?? 1);
}
