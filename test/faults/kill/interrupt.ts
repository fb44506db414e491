import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { dataDirectoryIn, EntrepotProcess } from "../support/entrepot-process.ts";
import type { PublishedTag } from "../support/published.ts";
import { Puller, type Hit } from "../support/puller.ts";
import type { Scratch } from "../support/scratch.ts";
import type { Scenario, Stage } from "./scenario.ts";
import type { Step } from "./step-log.ts";
import { Stepper } from "./stepper.ts";

/** What a kill behind a step leaves. */
export interface Remains {
  /** 1 for the first step of its run. */
  number: number;
  label: string;
  /** Has `data/` in it. */
  directory: string;
  /** What had been answered as a hit when it happened. */
  hits: readonly Hit[];
}

export interface RunOptions {
  scenario: Scenario;
  scratch: Scratch;
  main?: string | undefined;
  /** How often it is tried to see each step apart from those of other threads. */
  maxRuns?: number;
}

/** Which steps are wanted; asked in order, once for each. */
export type Choice = (step: Step) => boolean;

/** These change nothing that a killed process leaves: the directory is as it was behind the step before. */
const changesNothing = new Set(["fsync", "fdatasync"]);

/** Two threads that meet in one run will not meet at the same steps in all of them. */
const defaultMaxRuns = 6;

export interface Images {
  images: Remains[];
  /** All steps of the first run, in their order. */
  steps: Step[];
  /** Labels of steps that always came together with another one: no copy shows what they alone have done. */
  neverAlone: string[];
}

/**
 * Runs the scenario and copies the data directory behind each step that is wanted and changes something. It is run again
 * for those steps that came together with another, of another thread.
 */
export async function imagesOf(options: RunOptions, isWanted: Choice): Promise<Images> {
  const first = await takeImages(options, isWanted);
  const { images, steps } = first;
  let neverAlone = first.together.filter((label) => !first.alone.has(label));
  for (let runs = 1; neverAlone.length > 0 && runs < (options.maxRuns ?? defaultMaxRuns); runs += 1) {
    const missing = new Set(neverAlone);
    const again = await takeImages(options, ({ label }) => missing.has(label));
    images.push(...again.images);
    neverAlone = neverAlone.filter((label) => !again.alone.has(label));
  }
  return { images, steps, neverAlone };
}

interface Taken {
  images: Remains[];
  steps: Step[];
  alone: Set<string>;
  together: string[];
}

async function takeImages(options: RunOptions, isWanted: Choice): Promise<Taken> {
  const taken: Taken = { images: [], steps: [], alone: new Set(), together: [] };
  const { images, steps } = taken;
  const destination = await options.scratch.make("images");
  await interrupt(options, (standing, { directory, puller }) => {
    const before = steps.length;
    steps.push(...standing);
    const wanted = standing.filter((step) => isWanted(step)).map(({ label }) => label);
    if (standing.length > 1) taken.together.push(...wanted);
    else for (const { label } of standing) taken.alone.add(label);
    const previous = images.at(-1);
    // Up to this step the directory was as in the copy: what has been answered meanwhile must be in it, too.
    if (previous?.number === before) previous.hits = [...puller.hits];
    if (previous?.number === before && standing.every(({ call }) => changesNothing.has(call))) {
      previous.number = steps.length;
    } else if (wanted.length > 0) {
      const copy = join(destination, String(steps.length));
      mkdirSync(copy);
      execFileSync("cp", ["--archive", dataDirectoryIn(directory), copy]);
      images.push({ number: steps.length, label: labelOf(standing), directory: copy, hits: [...puller.hits] });
    }
    return "go on";
  });
  return taken;
}

/** Runs the scenario and kills the instance behind the first step of that label; undefined where there was none. */
export async function killAt(options: RunOptions, label: string): Promise<Remains | undefined> {
  let number = 0;
  const { directory, puller, isKilled } = await interrupt(options, (standing) => {
    number += standing.length;
    return standing.some((step) => step.label === label) ? "kill" : "go on";
  });
  return isKilled ? { number, label, directory, hits: [...puller.hits] } : undefined;
}

function labelOf(standing: readonly Step[]): string {
  return standing.map(({ label }) => label).join(" and ");
}

interface Interrupted {
  directory: string;
  puller: Puller;
  isKilled: boolean;
}

async function interrupt(
  { scenario, scratch, main }: RunOptions,
  onStand: (steps: readonly Step[], run: Interrupted) => "go on" | "kill",
): Promise<Interrupted> {
  const { settings } = scenario;
  const directory = await scratch.make("interrupted");
  const upstream = await startUpstream();
  try {
    const published = scenario.publish(upstream);
    await prepare({ scenario, directory, upstream, published });
    const stepper = new Stepper(dataDirectoryIn(directory), join(directory, "trace"));
    const instance = await EntrepotProcess.launch({
      directory,
      upstreamUrl: upstream.url,
      settings,
      main,
      under: stepper.command,
      environment: { UV_THREADPOOL_SIZE: "1" },
    });
    const puller = new Puller((path, options) => instance.ask(path, options));
    const run: Interrupted = { directory, puller, isKilled: false };
    const stepping = stepper.run(instance.pid, (steps) => {
      const decision = onStand(steps, run);
      run.isKilled ||= decision === "kill";
      return decision;
    });
    const acting = actAndStop(scenario, { instance, upstream, published, puller });
    try {
      await acting;
    } catch (error) {
      // The killed instance ends the pulls, too; for any other reason it is still there.
      if (!run.isKilled) {
        await instance.kill();
        throw error;
      }
    } finally {
      await stepping;
    }
    await instance.ended();
    if (puller.wrong.length > 0) throw new Error(puller.wrong.join("\n"));
    return run;
  } finally {
    await upstream.close();
  }
}

async function actAndStop(scenario: Scenario, stage: Stage): Promise<void> {
  await stage.instance.listening();
  await scenario.act(stage);
  await stage.instance.stop();
}

async function prepare({
  scenario,
  directory,
  upstream,
  published,
}: {
  scenario: Scenario;
  directory: string;
  upstream: TestUpstream;
  published: readonly PublishedTag[];
}): Promise<void> {
  await scenario.prepare?.({
    dataDirectory: dataDirectoryIn(directory),
    upstream,
    published,
    async run(act) {
      const { settings } = scenario;
      const instance = await EntrepotProcess.start({ directory, upstreamUrl: upstream.url, settings });
      const puller = new Puller((path, options) => instance.ask(path, options));
      await act({ instance, upstream, published, puller });
      await instance.stop();
    },
  });
}
