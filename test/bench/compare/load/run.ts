// A process that makes load: asked by its parent, one question at a time.
import { makeOffer } from "./offer.ts";
import type { Loads } from "./protocol.ts";
import { makeRush } from "./rush.ts";
import { readSlowly, type SlowReader } from "./slow-reader.ts";

let readers: SlowReader[] = [];

function dawdle(ask: Loads["dawdle"]["ask"]): Promise<number[]> {
  if (ask !== "taken") {
    readers = Array.from({ length: ask.clients }, (_, place) =>
      readSlowly({ ...ask, path: ask.paths[place % ask.paths.length] ?? "" }),
    );
  }
  return Promise.resolve(readers.map((reader) => reader.taken()));
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
