import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
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
  /** 1 for the first. */
  number: number;
  step: Step;
  /** Has `data/` in it. */
  directory: string;
  /** What had been answered as a hit when it happened. */
  hits: readonly Hit[];
}

export interface RunOptions {
  scenario: Scenario;
  scratch: Scratch;
  main?: string | undefined;
}

/** Which steps are wanted; asked in order, once for each. */
export type Choice = (step: Step, number: number) => boolean;

/** These change nothing that a killed process leaves: the directory is as it was behind the step before. */
const changesNothing = new Set(["fsync", "fdatasync"]);

/** Two threads seldom come to a call at the same moment; a run in which they did is made again. */
const maxRuns = 5;

export interface Images {
  images: Remains[];
  /** All steps in their order. */
  steps: Step[];
  /** Steps behind which the process did not stand on their own: no copy shows what they alone have done. */
  together: number;
}

/** Runs the scenario and copies the data directory behind each step that is wanted and changes something. */
export async function imagesOf(options: RunOptions, createChoice: () => Choice): Promise<Images> {
  for (let runs = 1; ; runs += 1) {
    const destination = await options.scratch.make("images");
    const taken = await takeImages(options, createChoice(), destination);
    if (taken.together === 0 || runs === maxRuns) return taken;
    await rm(destination, { recursive: true });
  }
}

async function takeImages(options: RunOptions, isWanted: Choice, destination: string): Promise<Images> {
  const images: Remains[] = [];
  const steps: Step[] = [];
  const { together } = await interrupt(options, (step, { directory, puller }) => {
    steps.push(step);
    const number = steps.length;
    const previous = images.at(-1);
    if (changesNothing.has(step.call) && previous?.number === number - 1) {
      images[images.length - 1] = { ...previous, number, hits: [...puller.hits] };
    } else if (isWanted(step, number)) {
      const copy = join(destination, String(number));
      mkdirSync(copy);
      execFileSync("cp", ["--archive", dataDirectoryIn(directory), copy]);
      images.push({ number, step, directory: copy, hits: [...puller.hits] });
    }
    return "go on";
  });
  return { images, steps, together };
}

/** Runs the scenario and kills the instance behind step `number`; undefined where the run had fewer steps. */
export async function killAt(options: RunOptions, number: number): Promise<Remains | undefined> {
  let count = 0;
  let killedBehind: Step | undefined;
  const { directory, puller } = await interrupt(options, (step) => {
    count += 1;
    if (count === number) killedBehind = step;
    return count === number ? "kill" : "go on";
  });
  return killedBehind && { number, step: killedBehind, directory, hits: [...puller.hits] };
}

interface Interrupted {
  directory: string;
  puller: Puller;
  together: number;
  isKilled: boolean;
}

async function interrupt(
  { scenario, scratch, main }: RunOptions,
  onStep: (step: Step, run: Interrupted) => "go on" | "kill",
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
    const run: Interrupted = { directory, puller, together: 0, isKilled: false };
    const stepping = stepper.run(instance.pid, (step) => {
      const decision = onStep(step, run);
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
      run.together = await stepping;
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
