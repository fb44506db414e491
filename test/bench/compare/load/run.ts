// A process that makes load: asked by its parent, one question at a time.
import { setTimeout } from "node:timers/promises";
import { makeOffer } from "./offer.ts";
import type { Loads } from "./protocol.ts";
import { makeRush } from "./rush.ts";
import { readSlowly, type SlowReader } from "./slow-reader.ts";

const readers: SlowReader[] = [];

/** The readers begin a millisecond apart, so that their ticks are spread: no 256 clients read at the same moment. */
async function dawdle(ask: Loads["dawdle"]["ask"]): Promise<number[]> {
  if (ask !== "taken") {
    for (let place = 0; place < ask.clients; place += 1) {
      readers.push(readSlowly({ ...ask, path: ask.paths[place % ask.paths.length] ?? "" }));
      await setTimeout(1);
    }
  }
  return readers.map((reader) => reader.taken());
}

const loads: { [Name in keyof Loads]: (ask: Loads[Name]["ask"]) => Promise<Loads[Name]["answer"]> } = {
  offer: makeOffer,
  rush: makeRush,
  dawdle,
};

const load = loads[process.argv[2] as keyof Loads] as (ask: unknown) => Promise<unknown>;

process.on("message", (ask) => {
  load(ask).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => process.exit());
