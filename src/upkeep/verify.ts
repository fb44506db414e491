import { shelves } from "../blobstore/index.ts";
import type { Digest } from "../oci/index.ts";
import { judge, type Judgement } from "./judge.ts";
import { giveUp, isStill } from "./losses.ts";
import { attempt, nextTurn, type UpkeepParts } from "./parts.ts";
import type { JobOptions, VerifyReport } from "./upkeep.ts";

/** Right files are recorded as such in groups of so many. */
const groupLength = 64;

/** One check of everything that the index says is here, shelf by shelf. */
export class Verify {
  readonly #parts: UpkeepParts;
  readonly #signal: AbortSignal;
  readonly #onProgress: JobOptions["onProgress"];
  readonly #totals: { totalBlobs: number; totalBytes: number };
  readonly #report: VerifyReport = { blobs: 0, bytes: 0, findings: [] };
  #right: Digest[] = [];

  /** `onProgress` is called after each step of 1 MiB and after each file. */
  constructor(parts: UpkeepParts, { signal, onProgress }: JobOptions) {
    const { blobs, storedBytes } = parts.index.counts();
    this.#parts = parts;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#totals = { totalBlobs: blobs, totalBytes: storedBytes };
  }

  async run(): Promise<VerifyReport> {
    for (const { algorithm, prefix } of shelves) {
      if (this.#signal.aborted) break;
      for (const { digest, state } of this.#parts.index.files.rowsUnder(`${algorithm}:${prefix}`)) {
        if (state === "present") await this.#check(digest);
      }
      await nextTurn();
    }
    await this.#recordRight();
    return this.#report;
  }

  async #check(digest: Digest): Promise<void> {
    const judgement = this.#signal.aborted ? undefined : await attempt(this.#parts, () => this.#judge(digest));
    if (!judgement) return;
    if (judgement.verdict === "right") {
      this.#right.push(digest);
      if (this.#right.length >= groupLength) await this.#recordRight();
    } else if (!(await this.#find(digest, judgement))) {
      return;
    }
    this.#report.blobs += 1;
    this.#tellProgress();
  }

  /** Undefined where it was aborted. */
  async #judge(digest: Digest): Promise<Judgement | undefined> {
    try {
      return await judge(this.#parts, digest, { signal: this.#signal, onStep: (bytes) => this.#afterStep(bytes) });
    } catch (error) {
      if (this.#signal.aborted) return undefined;
      throw error;
    }
  }

  /** Resolves to false where the file has left, or was replaced, since it was looked at. */
  async #find(digest: Digest, judgement: Exclude<Judgement, { verdict: "right" }>): Promise<boolean> {
    const { findings } = this.#report;
    if (judgement.verdict === "undecided") {
      this.#parts.observer.failed(judgement.cause);
      findings.push({ digest, problem: "unreadable" });
      return true;
    }
    const { verdict, changedAt } = judgement;
    const isBad = isStill(changedAt);
    const isLost = await attempt(this.#parts, () => giveUp(this.#parts, digest, { where: "verify", isBad }));
    if (isLost === false) return false;
    findings.push({ digest, problem: verdict });
    return true;
  }

  async #recordRight(): Promise<void> {
    const right = this.#right;
    this.#right = [];
    const { index, now } = this.#parts;
    if (right.length > 0) await attempt(this.#parts, () => index.recordVerified(right, now()));
  }

  #afterStep(bytes: number): void {
    this.#report.bytes += bytes;
    this.#tellProgress();
  }

  #tellProgress(): void {
    const { blobs, bytes } = this.#report;
    this.#onProgress({ blobs, bytes, ...this.#totals });
  }
}
