import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { formatSettings, loadSettings, type Settings } from "../config/index.ts";
import { configFile } from "./instance.ts";

interface ConfigFlags {
  config?: string;
}

export function addConfigCommand(program: Command, { stdout, environment }: CliContext): void {
  const load = ({ config }: ConfigFlags): Settings =>
    loadSettings({ file: configFile(config, environment), environment });
  const group = program.command("config").description("check or print the configuration");
  group
    .command("check")
    .description("say every fault of the configuration at once")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)")
    .action((flags: ConfigFlags) => {
      load(flags);
      stdout.write("configuration is valid\n");
    });
  group
    .command("print")
    .description("print the configuration that holds, with defaults, without secrets")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)")
    .action((flags: ConfigFlags) => void stdout.write(formatSettings(load(flags))));
}
