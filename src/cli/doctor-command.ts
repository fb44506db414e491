import { Option, type Command } from "commander";
import { ConfigError, loadSettings, type Settings } from "../config/index.ts";
import {
  AddressUnknown,
  clientNames,
  examine,
  examineClient,
  findingsOf,
  isHealthy,
  parseReadings,
  type ClientName,
  type Finding,
  type InstancePort,
} from "../doctor/index.ts";
import { ImageNameInvalid, parseImageName, type ImageName } from "../oci/index.ts";
import { readText } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { formatClientReport, formatFindings, marksFor } from "./doctor-report.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { configFile, type Instance } from "./instance.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { readVersion } from "./version.ts";

interface DoctorFlags extends InstanceFlags {
  client?: ClientName;
  host?: string;
  root: string;
  offline?: boolean;
  image: ImageName[];
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("doctor"))
    .description("check this instance, or with --client whether the pulls of a client come through it")
    .addOption(new Option("--client <name>", "print its snippet, and read its configuration").choices(clientNames))
    .option("--host <address>", "how clients reach entrepot: HOST, HOST:PORT or https://HOST (else by listen)")
    .option("--root <directory>", "where the / of the client's machine is", "/")
    .option("--offline", "ask no upstream")
    .option("--image <name>", "ask its upstream for this image; may be given several times", collectImage, [])
    .action((flags: DoctorFlags) =>
      flags.client === undefined ? checkAll(context, flags) : reportClient(context, flags, flags.client),
    );
}

function collectImage(text: string, images: ImageName[]): ImageName[] {
  try {
    return [...images, parseImageName(text)];
  } catch (error) {
    if (!(error instanceof ImageNameInvalid)) throw error;
    throw new CliError(exitCodes.wrongUsage, `--image: ${error.message}`, error);
  }
}

async function checkAll(context: CliContext, flags: DoctorFlags): Promise<void> {
  const settings = loadOrReport(context, flags);
  const findings = await examine({
    settings,
    version: readVersion(),
    instance: portOf(context, flags),
    isOffline: flags.offline === true,
    images: flags.image,
    environment: context.environment,
    now: Date.now,
  });
  writeFindings(context, flags, findings);
  if (!isHealthy(findings)) throw new CliError(exitCodes.failed, countOf(findings));
}

function countOf(findings: readonly Finding[]): string {
  const count = findings.filter(({ verdict }) => verdict === "failed").length;
  return count === 1 ? "1 check has failed" : `${count} checks have failed`;
}

/** A faulty configuration is a finding for each fault, and nothing else can be looked at. @throws ConfigError */
function loadOrReport(context: CliContext, { config, json }: DoctorFlags): Settings {
  try {
    return loadSettings({ file: configFile(config, context.environment), environment: context.environment });
  } catch (error) {
    if (error instanceof ConfigError) {
      const { failed } = findingsOf("configuration");
      writeFindings(
        context,
        { ...(json && { json }) },
        error.faults.map(({ path, message }) => failed(path, message)),
      );
    }
    throw error;
  }
}

function writeFindings(context: CliContext, flags: InstanceFlags, findings: readonly Finding[]): void {
  const marks = marksFor(context.stdout.isTTY === true, context.environment);
  writeAnswer(context, flags, { isHealthy: isHealthy(findings), findings }, () => formatFindings(findings, marks));
}

async function reportClient(context: CliContext, flags: DoctorFlags, client: ClientName): Promise<void> {
  const settings = loadSettings({
    file: configFile(flags.config, context.environment),
    environment: context.environment,
  });
  const { host, root } = flags;
  const port = portOf(context, flags);
  const readings = async () => {
    const answer = await port.get("/metrics");
    return answer?.status === 200 ? parseReadings(answer.body) : undefined;
  };
  const report = await examineClient({ settings, client, host, root, readings, now: Date.now() }).catch(
    (error: unknown) => {
      throw error instanceof AddressUnknown ? new CliError(exitCodes.wrongUsage, error.message, error) : error;
    },
  );
  const marks = marksFor(context.stdout.isTTY === true, context.environment);
  writeAnswer(context, flags, report, () => formatClientReport(report, marks));
  if (report.comesThrough === "no") throw new CliError(exitCodes.failed, `the pulls of ${client} do not come through`);
}

/** Asks the running instance; where its address is not known, none answers. */
function portOf(context: CliContext, flags: InstanceFlags): InstancePort {
  const instance = knownInstance(context, flags);
  return {
    name: instance?.name ?? "admin.listen",
    get: async (path) => (instance ? readText(instance, path).catch(orNothing) : undefined),
  };
}

function knownInstance(context: CliContext, flags: InstanceFlags): Instance | undefined {
  try {
    return instanceOf(flags, context);
  } catch (error) {
    // What was given must be right; what is not given may be unknown, as a port that is chosen at the start.
    if (flags.admin !== undefined || flags.tokenFile !== undefined) throw error;
    orNothing(error);
    return undefined;
  }
}

function orNothing(error: unknown): undefined {
  if (!(error instanceof CliError)) throw error;
}
