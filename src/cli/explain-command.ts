import type { Command } from "commander";
import type { ExplanationDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { formatExplanation } from "./explain-report.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";

const timeoutMs = 60_000;

export function addExplainCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("explain"))
    .description("why an image or a blob is here, or when and why it left")
    .argument("<subject>", "an image such as docker.io/library/alpine:3, or a digest")
    .action(async (subject: string, flags: InstanceFlags) => {
      const explanation = await request<ExplanationDocument>(instanceOf(flags, context), {
        path: "/explain",
        query: { subject },
        members: ["digest", "state"],
        timeoutMs,
      });
      writeAnswer(context, flags, explanation, formatExplanation);
    });
}
