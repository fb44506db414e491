import type { Command } from "commander";
import type { Stats } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { formatStats } from "./stats-report.ts";

export function addStatsCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("stats"))
    .description("what a running instance has served, fetched and saved")
    .action(async (flags: InstanceFlags) => {
      const stats = await request<Stats>(instanceOf(flags, context), {
        path: "/stats",
        members: ["requests", "store"],
      });
      writeAnswer(context, flags, stats, formatStats);
    });
}
