import { Option, type Command } from "commander";
import { loadSettings, type Settings } from "../config/index.ts";
import {
  AddressUnknown,
  clientNames,
  examineClient,
  parseReadings,
  type ClientName,
  type Readings,
} from "../doctor/index.ts";
import { readText } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { formatClientReport, marksFor } from "./doctor-report.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { configFile } from "./instance.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";

interface DoctorFlags extends InstanceFlags {
  client?: ClientName;
  host?: string;
  root: string;
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("doctor"))
    .description("check this instance, or with --client whether the pulls of a client come through it")
    .addOption(new Option("--client <name>", "print its snippet, and read its configuration").choices(clientNames))
    .option("--host <address>", "how clients reach entrepot: HOST, HOST:PORT or https://HOST (else by listen)")
    .option("--root <directory>", "where the / of the client's machine is", "/")
    .action((flags: DoctorFlags) => examine(context, flags));
}

async function examine(context: CliContext, flags: DoctorFlags): Promise<void> {
  const settings = loadSettings({
    file: configFile(flags.config, context.environment),
    environment: context.environment,
  });
  if (flags.client !== undefined) await reportClient(context, flags, { settings, client: flags.client });
}

async function reportClient(
  context: CliContext,
  flags: DoctorFlags,
  { settings, client }: { settings: Settings; client: ClientName },
): Promise<void> {
  const { host, root } = flags;
  const readings = (): Promise<Readings | undefined> => readReadings(context, flags);
  const report = await examineClient({ settings, client, host, root, readings, now: Date.now() }).catch(
    (error: unknown) => {
      throw error instanceof AddressUnknown ? new CliError(exitCodes.wrongUsage, error.message, error) : error;
    },
  );
  const marks = marksFor(context.stdout.isTTY === true, context.environment);
  writeAnswer(context, flags, report, () => formatClientReport(report, marks));
  if (report.comesThrough === "no") throw new CliError(exitCodes.failed, `the pulls of ${client} do not come through`);
}

/** The metrics of the running instance, which nobody needs a token for; undefined where it does not answer. */
async function readReadings(context: CliContext, flags: InstanceFlags): Promise<Readings | undefined> {
  try {
    const { status, body } = await readText(instanceOf(flags, context), "/metrics");
    return status === 200 ? parseReadings(body) : undefined;
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}
