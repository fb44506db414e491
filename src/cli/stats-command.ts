import type { Command } from "commander";
import { parseDuration } from "../config/index.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { formatStats } from "./stats-report.ts";
import { readStats, readUpstreams, watchStats } from "./watch/watch-stats.ts";

interface StatsFlags extends InstanceFlags {
  watch?: boolean;
  interval?: string;
}

export function addStatsCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("stats"))
    .description("what a running instance has served, fetched and saved")
    .option("--watch", "again and again until Ctrl-C: on a terminal redrawn each second, elsewhere per interval")
    .option("--interval <duration>", "how often where it is not a terminal; 5s unless it is said")
    .action(async (flags: StatsFlags) => {
      const instance = instanceOf(flags, context);
      const intervalMs = intervalOf(flags);
      if (flags.watch) return watchStats(context, instance, { isJson: flags.json ?? false, intervalMs });
      const stats = await readStats(instance);
      const upstreams = flags.json ? [] : await readUpstreams(instance);
      writeAnswer(context, flags, stats, (document) => formatStats(document, upstreams));
    });
}

function intervalOf({ watch = false, interval }: StatsFlags): number | undefined {
  if (interval === undefined) return undefined;
  const ms = parseDuration(interval);
  if (watch && ms !== undefined && ms > 0) return ms;
  throw new CliError(exitCodes.wrongUsage, "--interval goes with --watch, and is a duration above 0 such as 5s or 1m");
}
