import type { Command } from "commander";
import { readText } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";

/** For a container's health check, in an image that has neither curl nor wget. */
export function addHealthcheckCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("healthcheck"))
    .description("whether the instance is alive: ends with 0, else with 1, or with 69 where nothing answers")
    .action(async (flags: InstanceFlags) => {
      const instance = instanceOf(flags, context);
      const { status } = await readText(instance, "/healthz");
      if (status !== 200) throw new CliError(exitCodes.failed, `${instance.name} is not healthy (${status})`);
      writeAnswer(context, flags, { isAlive: true }, () => `${instance.name} is alive\n`);
    });
}
