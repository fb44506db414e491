import { binary } from "../../../clients/child-processes.ts";
import { loadedEntrant, type LoadedOptions } from "../loaded.ts";
import { ratioOf, type Pick } from "../results.ts";
import { openWith, type Server, type Stage } from "../stage.ts";
import { warm } from "../warming.ts";
import type { Goal, OpenWorkload } from "../workload.ts";

/** Starts servers, has each of them hold what will be asked for, and makes them ready to be loaded in turn. */
export function loadServers(
  stage: Stage,
  options: LoadedOptions,
  start: () => Promise<Server[]>,
): Promise<OpenWorkload> {
  return openWith(stage, async () => {
    const servers = await start();
    for (const server of servers) await warm(server, stage, options.assets);
    // What was written while they were filled goes to the disk now, and not while they are measured.
    await stage.processes.run(binary("sync"), [], { timeoutMs: 300_000 });
    return servers.map((server) => loadedEntrant(server, stage, options));
  });
}

/** A goal for the median of one entrant over that of another. */
export function goalOver(
  entrant: string,
  base: string,
  bound: { atLeast: number } | { atMost: number },
  measured?: { figure: string; pick: Pick },
): Goal {
  const words = `${measured ? `${measured.figure}, ` : ""}${entrant} over ${base}`;
  return { words, of: (results) => ratioOf(results, entrant, base, measured?.pick), ...bound };
}
