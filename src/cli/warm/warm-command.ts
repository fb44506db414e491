import type { Command } from "commander";
import type { JobDocument } from "../../admin/index.ts";
import type { CliContext } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "../instance-options.ts";
import { followJob } from "../job.ts";
import { readImages } from "./read-images.ts";
import { createWarmProgress } from "./warm-progress.ts";
import { formatWarming } from "./warm-report.ts";

const maxParallel = 16;

interface WarmFlags extends InstanceFlags {
  file?: string;
  platform?: string[];
  parallel?: string;
}

export function addWarmCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("warm"))
    .description("fetch images ahead of the clients that will ask for them; what is here already is not fetched again")
    .argument("[images...]", "for instance docker.io/library/alpine:3")
    .option("--file <file>", "images, one on each line; # begins a comment")
    .option(
      "--platform <platform...>",
      "of an image index: linux/amd64, or all; else those that are here, else linux/amd64 and linux/arm64",
    )
    .option("--parallel <number>", `so many images at once, 3 unless it is said, at most ${maxParallel}`)
    .action((images: string[], flags: WarmFlags) => warm(context, images, flags));
}

async function warm(context: CliContext, given: readonly string[], flags: WarmFlags): Promise<void> {
  const images = [...given, ...(flags.file === undefined ? [] : readImages(flags.file))];
  if (images.length === 0) {
    throw new CliError(exitCodes.wrongUsage, "say which images, in front of --platform, or with --file FILE");
  }
  const platforms = flags.platform?.flatMap((one) => one.split(","));
  const body = { images, platforms, parallel: parallelOf(flags) };
  const progress = createWarmProgress(context.stderr);
  const job = await followJob(context, instanceOf(flags, context), {
    path: "/warm",
    body,
    onJob: (running) => progress.show(running),
  }).finally(() => progress.clear());
  progress.end(job);
  writeAnswer(context, flags, job, formatWarming);
  checkEnd(job);
}

function parallelOf({ parallel }: WarmFlags): number | undefined {
  if (parallel === undefined) return undefined;
  const number = /^\d{1,3}$/.test(parallel) ? Number(parallel) : 0;
  if (number >= 1 && number <= maxParallel) return number;
  throw new CliError(exitCodes.wrongUsage, `--parallel must be a number from 1 to ${maxParallel}, not "${parallel}"`);
}

function checkEnd({ state, error, items = [] }: JobDocument): void {
  const failed = items.filter((item) => item.state === "failed").length;
  if (state === "cancelled") {
    throw new CliError(exitCodes.failed, "the warming was cancelled; what is here stays, and the same command goes on");
  }
  if (state !== "done") throw new CliError(exitCodes.failed, `the warming failed: ${error ?? "see the log"}`);
  if (failed > 0) throw new CliError(exitCodes.failed, `${failed} of ${items.length} images failed`);
}
