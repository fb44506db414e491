import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { configFile } from "./instance.ts";

interface ServeFlags {
  config?: string;
  listen?: string;
  adminListen?: string;
  dataDir?: string;
}

/** `serve` is what runs where no command is named, so a command that does not exist arrives here as an argument. */
export function addServeCommand(program: Command, context: CliContext): void {
  program
    .command("serve", { isDefault: true })
    .description("run the registry (the default)")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)")
    .option("--listen <address>", "where clients pull (127.0.0.1:5000)")
    .option("--admin-listen <address>", "health, metrics and admin API (127.0.0.1:5001)")
    .option("--data-dir <directory>", "where everything is kept (./data)")
    .allowExcessArguments()
    .action(async (flags: ServeFlags, command: Command) => {
      refuseArguments(command.args);
      await context.serve({ configFile: configFile(flags.config, context.environment), flags: settingFlags(flags) });
    });
}

function settingFlags({ listen, adminListen, dataDir }: ServeFlags): Record<string, string> {
  return {
    ...(listen !== undefined && { listen }),
    ...(adminListen !== undefined && { "admin.listen": adminListen }),
    ...(dataDir !== undefined && { dataDir }),
  };
}

function refuseArguments([name]: readonly string[]): void {
  if (name === undefined) return;
  throw new CliError(exitCodes.wrongUsage, `there is no command "${name}": entrepot --help lists them`);
}
