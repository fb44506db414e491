import { binary } from "../../../clients/child-processes.ts";
import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startStaticNginx } from "../entrants/nginx.ts";
import { meanBlobBytes, pushMix } from "../mix/mix.ts";
import { halfOfMost, mixConnections, offerMix, type MixOffer } from "../mix/offer-mix.ts";
import { extra, medianOf, ratioOf } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { watchUsage } from "../usage.ts";
import { warm } from "../warming.ts";
import type { Entrant, Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const floor = "nginx";
const registry = "docker-registry";
const errors = "errors";

export const mixWorkload: Workload = {
  name: "mix",
  title: `the mix of real traffic, ${mixConnections} connections, at half of the rate that entrepot can take`,
  unit: "p99 ms",
  isLessBetter: true,
  goals: [
    {
      words: "p99 of hits, entrepot over static nginx",
      of: (results) => ratioOf(results, "entrepot", floor),
      atMost: 2,
    },
    { words: "errors of entrepot", of: (results) => medianOf(results, "entrepot", extra(errors)), atMost: 0 },
  ],
  open,
};

function open(how: Opening): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const mix = pushMix(stage.origin.upstream, how.isShort);
    const entrepot = await startEntrepot(stage, { tags: { freshFor: "1d" } });
    const servers = [entrepot, await startStaticNginx(stage, mix.repositories), await startDockerRegistry(stage)];
    for (const server of servers) await warm(server, stage, mix.assets);
    await stage.processes.run(binary("sync"), [], { timeoutMs: 300_000 });
    const offer = await halfOfMost(entrepot, mix, how.isShort);
    return servers.map((server) => offeredEntrant(stage, server, offer));
  });
}

function offeredEntrant({ origin }: Stage, { name, url, pids }: Server, offered: MixOffer): Entrant {
  const measure = async (): Promise<Measurement> => {
    const [usage, asked] = [watchUsage(...pids), origin.watch()];
    const taken = await offerMix(url, offered);
    // A peer may be unable to stand this rate.
    if (taken.errors.count > 0 && name !== registry) throw new Error(`${name}: ${taken.errors.words.join("; ")}`);
    const { requests, bytes } = taken;
    const p99s = Object.entries(taken.p99MsOf).map(([kind, ms]) => [`p99 ms of ${kind}`, ms]);
    return {
      ...usage(),
      value: taken.p99Ms,
      requests,
      bytes,
      upstream: asked(),
      extra: {
        ...(Object.fromEntries(p99s) as Record<string, number>),
        [errors]: taken.errors.count,
        "offered per s": offered.ratePerSecond,
        "answered per s": taken.takenPerSecond,
        "MB of a blob, mean": meanBlobBytes(offered.mix) / 1e6,
      },
    };
  };
  return { name, measure };
}
