import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Option, type Command } from "commander";
import type { CliContext, Verification } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { runJob } from "./job.ts";
import { createProgressBar } from "./progress-bar.ts";
import { formatBytes, formatTable } from "./table.ts";

interface VerifyFlags extends InstanceFlags {
  dataDir?: string;
}

const label = "verifying";
const name = "the verification";

export function addVerifyCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("verify"))
    .description("check every stored file, through the running instance or in the directory of a stopped one")
    .addOption(
      new Option("--data-dir <directory>", "the data directory of a stopped instance").conflicts([
        "admin",
        "tokenFile",
        "config",
      ]),
    )
    .action((flags: VerifyFlags) => {
      return flags.dataDir === undefined ? verifyOnline(context, flags) : verifyOffline(context, flags.dataDir, flags);
    });
}

async function verifyOnline(context: CliContext, flags: VerifyFlags): Promise<void> {
  const job = await runJob(context, instanceOf(flags, context), { path: "/verify", body: {}, label, name }).catch(
    (error: unknown) => {
      throw mentioningDataDir(error);
    },
  );
  if (!isVerification(job.result)) {
    throw new CliError(exitCodes.notReachable, "the instance does not say what it found: is it of another version?");
  }
  const { result } = job;
  writeAnswer(context, flags, job, () => formatVerification(result));
  checkFindings(result);
}

function mentioningDataDir(error: unknown): unknown {
  if (!(error instanceof CliError) || error.exitCode !== exitCodes.notReachable) return error;
  const words = `${error.message}; the files of a stopped one are verified with --data-dir DIRECTORY`;
  return new CliError(error.exitCode, words, error);
}

async function verifyOffline(context: CliContext, dataDir: string, flags: InstanceFlags): Promise<void> {
  const directory = resolve(dataDir);
  // Taking the lock would make one.
  if (!existsSync(join(directory, "FORMAT"))) {
    throw new CliError(exitCodes.wrongUsage, `${directory} is not a data directory of entrepot: it has no file FORMAT`);
  }
  const found = await verifyDirectory(context, directory);
  writeAnswer(context, flags, found, formatVerification);
  checkFindings(found);
}

async function verifyDirectory(context: CliContext, directory: string): Promise<Verification> {
  const interruption = new AbortController();
  const forget = context.onInterrupt(() => interruption.abort());
  const bar = createProgressBar(context.stderr, label);
  try {
    return await context.verifyOffline(directory, {
      signal: interruption.signal,
      onProgress: (progress) => bar.draw(progress),
    });
  } catch (error) {
    if (interruption.signal.aborted) throw new CliError(exitCodes.failed, `${name} was cancelled`, error);
    if (!isInUse(error)) throw error;
    const words = `${directory} is in use by a running instance, which \`entrepot verify\` without --data-dir asks`;
    throw new CliError(exitCodes.refused, words, error);
  } finally {
    bar.clear();
    forget();
  }
}

function formatVerification({ blobs, bytes, findings }: Verification): string {
  const words = `${blobs} blobs verified, ${formatBytes(bytes)}\n`;
  const rows = findings.map(({ digest, problem }) => [digest, problem]);
  return rows.length === 0 ? words : `${words}\n${formatTable([["digest", "problem"], ...rows], [0, 1])}`;
}

function checkFindings({ findings }: Verification): void {
  if (findings.length === 0) return;
  throw new CliError(exitCodes.failed, findings.length === 1 ? "1 finding" : `${findings.length} findings`);
}

function isVerification(result: unknown): result is Verification {
  return typeof result === "object" && result !== null && "findings" in result && Array.isArray(result.findings);
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "kind" in error && error.kind === "in-use";
}
