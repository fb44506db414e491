import type { Digest } from "../oci/index.ts";
import { judge } from "./judge.ts";
import { giveUp, isStill } from "./losses.ts";
import { Pace, pause } from "./pace.ts";
import { attempt, type UpkeepParts } from "./parts.ts";

const pageLength = 64;
const minIdleMs = 1000;
const maxIdleMs = 60 * 60 * 1000;

/** Checks every file again and again at a bounded rate, the longest unchecked first. */
export class Scrub {
  readonly #parts: UpkeepParts;
  readonly #pace: Pace;
  /** Files of which nothing could be said or recorded: not tried again before the next idle time. */
  readonly #passedOver = new Set<Digest>();

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.scrub.rateBytesPerSecond, parts.setTimer);
  }

  /** Resolves when upkeep is closed; never rejects. */
  async run(): Promise<void> {
    const { closing, setTimer, scrub } = this.#parts;
    const idleMs = Math.max(minIdleMs, Math.min(scrub.everyMs / 100, maxIdleMs));
    while (!closing.aborted) {
      const due = (await attempt(this.#parts, () => Promise.resolve(this.#due()))) ?? [];
      if (due.length > 0) {
        await this.#check(due);
      } else {
        this.#passedOver.clear();
        await pause(setTimer, idleMs, closing);
      }
    }
  }

  /** Nothing, too, where so many were passed over that something else than the files must be wrong. */
  #due(): Digest[] {
    const { index, now, scrub } = this.#parts;
    if (this.#passedOver.size >= pageLength) return [];
    const rows = index.files.toVerify(now() - scrub.everyMs, pageLength + this.#passedOver.size);
    return rows.map(({ digest }) => digest).filter((digest) => !this.#passedOver.has(digest));
  }

  async #check(due: readonly Digest[]): Promise<void> {
    const { index, closing, now } = this.#parts;
    const right: Digest[] = [];
    for (const digest of due) {
      const outcome = await attempt(this.#parts, () => this.#checkOne(digest));
      if (closing.aborted) break;
      if (outcome === "right") right.push(digest);
      else if (outcome !== "lost") this.#passedOver.add(digest);
    }
    if (right.length === 0) return;
    const isRecorded = await attempt(this.#parts, async () => {
      await index.recordVerified(right, now());
      return true;
    });
    if (!isRecorded) for (const digest of right) this.#passedOver.add(digest);
  }

  async #checkOne(digest: Digest): Promise<"right" | "lost" | "left"> {
    const judgement = await judge(this.#parts, digest, {
      signal: this.#parts.closing,
      onStep: (bytes) => this.#afterStep(bytes),
    });
    if (judgement.verdict === "right") return "right";
    if (judgement.verdict === "undecided") throw judgement.cause;
    const isBad = isStill(judgement.changedAt);
    return (await giveUp(this.#parts, digest, { where: "scrub", isBad })) ? "lost" : "left";
  }

  #afterStep(bytes: number): Promise<void> {
    this.#parts.observer.scrubbed(bytes);
    return this.#pace.after(bytes, this.#parts.closing);
  }
}
