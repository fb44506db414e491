import type { Command } from "commander";
import type { TagHistoryDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { formatTable, formatTime } from "./table.ts";

interface RollbackFlags extends InstanceFlags {
  release?: boolean;
}

interface RollbackDocument {
  image: string;
  held: string | null;
}

export function addRollbackCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("rollback"))
    .description("serve a tag as it was; without a digest, say what it has been")
    .argument("<image>", "for instance docker.io/library/alpine:3")
    .argument("[digest]", "what the tag shall mean until it is released")
    .option("--release", "follow the upstream again")
    .action((image: string, digest: string | undefined, flags: RollbackFlags) => {
      if (digest !== undefined && flags.release) {
        throw new CliError(exitCodes.wrongUsage, "say either a digest or --release");
      }
      return digest === undefined && !flags.release
        ? showHistory(context, image, flags)
        : rollBack(context, flags, { image, ...(digest === undefined ? { release: true } : { digest }) });
    });
}

async function showHistory(context: CliContext, image: string, flags: InstanceFlags): Promise<void> {
  const history = await request<TagHistoryDocument>(instanceOf(flags, context), {
    path: "/tag-history",
    query: { image },
    members: ["image", "items"],
  });
  writeAnswer(context, flags, history, formatHistory);
}

async function rollBack(context: CliContext, flags: InstanceFlags, body: object): Promise<void> {
  const outcome = await request<RollbackDocument>(instanceOf(flags, context), {
    method: "POST",
    path: "/rollback",
    body,
    members: ["image", "held"],
  });
  writeAnswer(context, flags, outcome, ({ image, held }) =>
    held === null
      ? `${image} follows its upstream again\n`
      : `${image} is served as ${held} until \`entrepot rollback ${image} --release\`\n`,
  );
}

function formatHistory({ image, held, items }: TagHistoryDocument): string {
  const rows = items.map(({ digest, firstSeen, lastSeen, isCurrent }) => [
    digest,
    formatTime(firstSeen),
    `${formatTime(lastSeen)}${isCurrent ? " (current)" : ""}`,
  ]);
  const rolledBack = held === null ? "" : `, rolled back to ${held}`;
  return `${image}${rolledBack}\n\n${formatTable([["digest", "first seen", "last seen"], ...rows], [0, 1, 2])}`;
}
