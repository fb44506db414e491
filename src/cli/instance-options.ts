import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { findInstance, type Instance } from "./instance.ts";

/** The flags of every command that asks a running instance. */
export interface InstanceFlags {
  json?: boolean;
  admin?: string;
  tokenFile?: string;
  config?: string;
}

export function withInstanceOptions(command: Command): Command {
  return command
    .option("--json", "for programs")
    .option("--admin <url>", "the instance's admin API (ENTREPOT_ADMIN_URL, else admin.listen)")
    .option("--token-file <file>", "the admin token (ENTREPOT_ADMIN_TOKEN_FILE, else admin.tokenFile)")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)");
}

/** @throws ConfigError, CliError */
export function instanceOf({ admin, tokenFile, config }: InstanceFlags, { environment }: CliContext): Instance {
  return findInstance({ admin, tokenFile, config, environment });
}

/** Writes an answer of the instance: for programs as it is, for people as `format` says it. */
export function writeAnswer<T extends object>(
  { stdout }: CliContext,
  { json = false }: InstanceFlags,
  answer: T,
  format: (answer: T) => string,
): void {
  stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : format(answer));
}
