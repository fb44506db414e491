import type { Command } from "commander";
import type { RefreshDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";

/** Everything that may be asked before the answer: limits.answerWithin is 20 s by default. */
const timeoutMs = 120_000;

export function addRefreshCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("refresh"))
    .description("ask the upstream now what a tag names, and fetch it if it has moved")
    .argument("<image>", "with its tag, for instance docker.io/library/alpine:3")
    .action(async (image: string, flags: InstanceFlags) => {
      const refreshed = await request<RefreshDocument>(instanceOf(flags, context), {
        method: "POST",
        path: "/refresh",
        body: { image },
        members: ["outcome", "before", "after"],
        timeoutMs,
      });
      writeAnswer(context, flags, refreshed, formatRefresh);
      if (refreshed.outcome === "absent") {
        throw new CliError(exitCodes.failed, `${refreshed.image} is not there, says the upstream`);
      }
    });
}

function formatRefresh({ image, before, after, outcome, detail }: RefreshDocument): string {
  const why = detail === null ? "" : `: ${detail}`;
  switch (outcome) {
    case "unchanged":
      return `${image} is still ${String(after)}${why}\n`;
    case "moved":
      return `${image} has moved from ${String(before)} to ${String(after)}${why}\n`;
    case "filled":
      return `${image} is here now: ${String(after)}${why}\n`;
    case "kept":
      return `${image} stays ${after ?? "as it was"}${why}\n`;
    case "absent":
      return before === null ? "" : `${image} was ${before}\n`;
  }
}
