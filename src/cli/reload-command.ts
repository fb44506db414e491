import type { Command } from "commander";
import type { ReloadReport } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";

export function addReloadCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("reload"))
    .description("have the running instance read its configuration again")
    .action(async (flags: InstanceFlags) => {
      const report = await request<ReloadReport>(instanceOf(flags, context), {
        method: "POST",
        path: "/reload",
        members: ["changed", "needsRestart"],
        unprocessable: exitCodes.configuration,
      });
      writeAnswer(context, flags, report, formatReload);
    });
}

function formatReload({ changed, needsRestart }: ReloadReport): string {
  const lines = [
    ...changed.map((path) => `changed        ${path}`),
    ...needsRestart.map((path) => `needs restart  ${path}`),
  ];
  return lines.length === 0 ? "nothing has changed\n" : `${lines.join("\n")}\n`;
}
