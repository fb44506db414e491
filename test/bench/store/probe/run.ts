/** A process of its own; started by start-probe.ts with the name of what it does. */
import { measureEvictions } from "./evictions.ts";
import { writeFiles } from "./write-files.ts";
import { buildIndex } from "./build-index.ts";
import { measureLookups } from "./lookups.ts";
import type { Probes } from "./protocol.ts";
import { serveWatched } from "./serve.ts";

type Programs = { [Name in keyof Probes]: (ask: Probes[Name]["ask"]) => Promise<Probes[Name]["answer"]> };

const programs: Programs = {
  files: writeFiles,
  index: buildIndex,
  lookups: measureLookups,
  evictions: measureEvictions,
  serve: serveWatched,
};

const program = programs[process.argv[2] as keyof Probes] as (ask: unknown) => Promise<unknown>;

process.on("message", (ask) => {
  program(ask).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? String(error.stack) : String(error) }),
  );
});
