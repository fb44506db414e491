import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { fetchStats } from "./admin-client.ts";
import { findInstance } from "./instance.ts";
import { formatStats } from "./stats-report.ts";

interface StatsFlags {
  json?: boolean;
  admin?: string;
  tokenFile?: string;
  config?: string;
}

export function addStatsCommand(program: Command, { stdout, environment }: CliContext): void {
  program
    .command("stats")
    .description("what a running instance has served, fetched and saved")
    .option("--json", "for programs")
    .option("--admin <url>", "the instance's admin API (ENTREPOT_ADMIN_URL, else admin.listen)")
    .option("--token-file <file>", "the admin token (ENTREPOT_ADMIN_TOKEN_FILE, else admin.tokenFile)")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)")
    .action(async ({ json, ...flags }: StatsFlags) => {
      const stats = await fetchStats(findInstance({ ...flags, environment }));
      stdout.write(json ? `${JSON.stringify(stats, null, 2)}\n` : formatStats(stats));
    });
}
