import { resolve } from "node:path";
import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { runJob } from "./job.ts";
import { formatBytes } from "./table.ts";

export function addBackupCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("backup"))
    .description("have the running instance copy its data to a directory")
    .argument("<directory>", "on the file system of the server; relative to where this command runs")
    .action(async (given: string, flags: InstanceFlags) => {
      const directory = resolve(given);
      const instance = instanceOf(flags, context);
      const job = await runJob(context, instance, {
        path: "/backup",
        body: { directory },
        label: "backing up",
        name: "the backup",
      });
      const { blobs, bytes } = job.progress;
      const amount = `${blobs} blobs, ${formatBytes(bytes)}`;
      writeAnswer(context, flags, job, () => `${amount} are in ${directory}, on the file system of the server\n`);
    });
}
