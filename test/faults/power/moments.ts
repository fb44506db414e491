import { setTimeout as sleep } from "node:timers/promises";
import type { Puller } from "../support/puller.ts";
import type { Random } from "../../support/random.ts";

/** What goes on while the moment of a cut is waited for. */
export interface Going {
  puller: Puller;
  random: Random;
  /** Paths that no client asks for by itself. */
  untouched: readonly string[];
  /** Lets every client come to the end of its pull; resolves when all have. */
  rest: () => Promise<void>;
  /** Resolves when no client pulls any more. */
  ended: Promise<void>;
}

/** Resolves when the power is to be cut. */
export type Moment = (going: Going) => Promise<void>;

/** The very first start: directories and tables are being made. */
export const duringStart: Moment = ({ random }) => sleep(random.below(600));

/** Behind the first hit: before it there may be nothing but a start, however long one takes here. */
export const duringPulls: Moment = async ({ puller, random, ended }) => {
  await Promise.race([puller.hitsToBe(1), ended]);
  await sleep(random.below(300));
};

/** As soon as a client has been answered with a hit, so that nothing else can have made it durable meanwhile. */
const atAnHit: Moment = async ({ puller, random, ended }) => {
  await Promise.race([puller.hitsToBe(1 + random.below(250)), ended]);
};

/** The log of the index is copied into it after a second, and overwritten from then on. */
const checkpointedMs = 1300;

/**
 * A last burst of pulls becomes durable, and nothing is written behind it: what was not synced itself cannot go to the disk
 * with a later sync. As the log of the index is being overwritten, its own syncs need not commit the journal of the file
 * system, and with it all that came before.
 */
export const behindBurst: Moment = async ({ puller, random, rest, untouched }) => {
  await sleep(checkpointedMs + random.below(300));
  await rest();
  await Promise.all(untouched.map((path) => puller.getHit(path)));
};

export function anyMoment(random: Random): Moment {
  return random.below(5) === 0 ? behindBurst : random.pick([duringPulls, atAnHit]);
}
