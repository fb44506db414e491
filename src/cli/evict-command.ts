import type { Command } from "commander";
import type { EvictionDocument } from "../admin/index.ts";
import { parseSize } from "../config/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { formatEviction } from "./eviction-report.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import type { Instance } from "./instance.ts";
import { formatBytes } from "./table.ts";

/** Freeing a lot takes its time: every file is unlinked before there is an answer. */
const timeoutMs = 600_000;

interface EvictFlags extends InstanceFlags {
  free?: string;
  dryRun?: boolean;
}

export function addEvictCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("evict"))
    .description("let an image go, or make room")
    .argument("[image]", "for instance docker.io/library/alpine:3")
    .option("--free <size>", "make room for so much, least recently pulled first: 20GiB")
    .option("--dry-run", "only say what would go")
    .action(async (image: string | undefined, flags: EvictFlags) => {
      const freeBytes = freeBytesOf(image, flags);
      const report = await evict(instanceOf(flags, context), { image, freeBytes, dryRun: flags.dryRun ?? false });
      writeAnswer(context, flags, report, (eviction) => formatEviction(eviction, flags.dryRun ?? false));
      if (freeBytes !== undefined) checkFreed(report);
    });
}

/** Undefined where it is an image that is to go. */
function freeBytesOf(image: string | undefined, { free }: EvictFlags): number | undefined {
  if ((image === undefined) === (free === undefined)) {
    throw new CliError(exitCodes.wrongUsage, "say either an image, to let it go, or --free SIZE, to make room");
  }
  if (free === undefined) return undefined;
  const bytes = parseSize(free);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new CliError(exitCodes.wrongUsage, `--free must be a size above 0 such as 20GiB or 500MB, not "${free}"`);
}

interface Wanted {
  image: string | undefined;
  freeBytes: number | undefined;
  dryRun: boolean;
}

function evict(instance: Instance, { image, freeBytes, dryRun }: Wanted): Promise<EvictionDocument> {
  const members = ["freedBytes", "victims"] as const;
  // What only looks is asked with GET, for which loopback needs no token.
  return freeBytes !== undefined && dryRun
    ? request(instance, { path: "/eviction/plan", query: { freeBytes: String(freeBytes) }, members, timeoutMs })
    : request(instance, { method: "POST", path: "/evict", body: { image, freeBytes, dryRun }, members, timeoutMs });
}

function checkFreed({ freedBytes, wantedBytes }: EvictionDocument): void {
  if (freedBytes >= wantedBytes) return;
  throw new CliError(
    exitCodes.failed,
    `no more than ${formatBytes(freedBytes)} of ${formatBytes(wantedBytes)} can go: the rest is pinned, leased or in use`,
  );
}
