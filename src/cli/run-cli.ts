import { Command, CommanderError } from "commander";
import { ConfigError } from "../config/index.ts";
import { addBackupCommand } from "./backup-command.ts";
import { addCompletionCommand } from "./completion/completion-command.ts";
import { addConfigCommand } from "./config-command.ts";
import type { CliContext } from "./context.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addEventsCommand } from "./watch/events-command.ts";
import { addEvictCommand } from "./evict-command.ts";
import { CliError, exitCodes, type ExitCode } from "./exit-codes.ts";
import { addExplainCommand } from "./explain-command.ts";
import { addHealthcheckCommand } from "./healthcheck-command.ts";
import { addImagesCommand } from "./images-command.ts";
import { addNodeSetupCommand } from "./node-setup-command.ts";
import { addPinCommands } from "./pin-commands.ts";
import { addRefreshCommand } from "./refresh-command.ts";
import { addReloadCommand } from "./reload-command.ts";
import { addRollbackCommand } from "./rollback-command.ts";
import { addServeCommand } from "./serve-command.ts";
import { addStatsCommand } from "./stats-command.ts";
import { addVerifyCommand } from "./verify-command.ts";
import { readVersion } from "./version.ts";
import { addWarmCommand } from "./warm/warm-command.ts";

/** Runs the command in `argv` (what follows the script's name) and resolves to the exit code. Never rejects. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(argv, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    return report(error, context);
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command("entrepot")
    .description("a pull-through caching registry for OCI and Docker images")
    .version(readVersion(), "--version", "print the version")
    .helpOption("--help", "print this help")
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    })
    .showHelpAfterError("(--help says what is possible)")
    .exitOverride();
  addServeCommand(program, context);
  addStatsCommand(program, context);
  addImagesCommand(program, context);
  addExplainCommand(program, context);
  addEvictCommand(program, context);
  addPinCommands(program, context);
  addWarmCommand(program, context);
  addRefreshCommand(program, context);
  addEventsCommand(program, context);
  addVerifyCommand(program, context);
  addRollbackCommand(program, context);
  addBackupCommand(program, context);
  addReloadCommand(program, context);
  addDoctorCommand(program, context);
  addHealthcheckCommand(program, context);
  addNodeSetupCommand(program, context);
  addConfigCommand(program, context);
  addCompletionCommand(program, context);
  return program;
}

function report(error: unknown, { stderr }: CliContext): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
  if (error instanceof ConfigError) {
    const count = error.faults.length === 1 ? "1 fault" : `${error.faults.length} faults`;
    stderr.write(`entrepot: the configuration has ${count}\n${error.message.replace(/^/gm, "  ")}\n`);
    return exitCodes.configuration;
  }
  stderr.write(`entrepot: ${wordsOf(error)}\n`);
  return error instanceof CliError ? error.exitCode : exitCodes.failed;
}

/** Words alone for what can happen to anyone (a port in use, a locked directory); the stack only for a bug. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected = error instanceof CliError || "code" in error || "kind" in error || error.constructor === Error;
  return isExpected ? error.message : (error.stack ?? error.message);
}
