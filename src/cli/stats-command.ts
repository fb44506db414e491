import type { Command } from "commander";
import type { ListDocument, Stats, UpstreamDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import type { Instance } from "./instance.ts";
import { formatStats } from "./stats-report.ts";

export function addStatsCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("stats"))
    .description("what a running instance has served, fetched and saved")
    .action(async (flags: InstanceFlags) => {
      const instance = instanceOf(flags, context);
      const stats = await request<Stats>(instance, { path: "/stats", members: ["requests", "store"] });
      const upstreams = flags.json ? undefined : await readUpstreams(instance);
      writeAnswer(context, flags, stats, (document) => formatStats(document, upstreams?.items ?? []));
    });
}

function readUpstreams(instance: Instance): Promise<ListDocument<UpstreamDocument>> {
  return request(instance, { path: "/upstreams", members: ["items"] });
}
