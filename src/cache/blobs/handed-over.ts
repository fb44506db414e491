import type { Digest } from "../../oci/index.ts";
import type { Clock } from "../clock.ts";
import type { Keeping } from "../keeping.ts";

/**
 * From our answer to the moment at which the other process has the file open it is milliseconds, or as long as that process
 * is held up. Once it is open, it can be read to its end whatever becomes of its name.
 */
const keptForMs = 30_000;

interface Kept {
  isWantedAgain: boolean;
  cancel: () => void;
}

export interface HandedOverPorts {
  eviction: Pick<Keeping, "hold">;
  clock: Pick<Clock, "setTimer">;
}

/**
 * Files that another process has been told to send: in use for another 30 s at least, and a minute at most. One hold and one
 * timer per digest, however many ask.
 */
export class HandedOver {
  readonly #ports: HandedOverPorts;
  readonly #kept = new Map<Digest, Kept>();

  constructor(ports: HandedOverPorts) {
    this.#ports = ports;
  }

  keep(digest: Digest): void {
    const known = this.#kept.get(digest);
    if (known) {
      known.isWantedAgain = true;
      return;
    }
    const kept: Kept = { isWantedAgain: false, cancel: () => undefined };
    this.#kept.set(digest, kept);
    this.#giveBackLater(digest, kept, this.#ports.eviction.hold(digest));
  }

  /** Nothing is given back any more. */
  close(): void {
    for (const { cancel } of this.#kept.values()) cancel();
    this.#kept.clear();
  }

  #giveBackLater(digest: Digest, kept: Kept, giveBack: () => void): void {
    kept.isWantedAgain = false;
    kept.cancel = this.#ports.clock.setTimer(keptForMs, () => {
      if (kept.isWantedAgain) {
        this.#giveBackLater(digest, kept, giveBack);
        return;
      }
      this.#kept.delete(digest);
      giveBack();
    });
  }
}
