import { randomUUID } from "node:crypto";
import { OperationRefused } from "./operation-refused.ts";

export type JobKind = "verify" | "backup" | "warm";

/** How far a job is; totals are 0 until they are known. */
export interface JobProgress {
  blobs: number;
  totalBlobs: number;
  bytes: number;
  totalBytes: number;
}

/** A job as it is at one moment. Times in ms since the epoch. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: "running" | "done" | "failed" | "cancelled";
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly progress: JobProgress;
  /** What the work resolved to; undefined until it is done. */
  readonly result: unknown;
  /** Words for people; undefined unless it failed. */
  readonly error: string | undefined;
  /** What the job is made of, where it is told apart; changes while it runs. */
  readonly items?: readonly JobItem[];
}

/** One image of a job that warms several; sizes in bytes. */
export interface JobItem {
  readonly image: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly bytes: number;
  readonly totalBytes: number;
  /** Manifests included. */
  readonly blobs: number;
  readonly totalBlobs: number;
  readonly fetchedBytes: number;
  readonly fetchedBlobs: number;
  readonly presentBlobs: number;
  /** Words for people; undefined unless it failed. */
  readonly error: string | undefined;
}

/** What a job does. It ends soon after `signal` is aborted, by rejecting. */
export type JobWork = (signal: AbortSignal, onProgress: (progress: JobProgress) => void) => Promise<unknown>;

export interface JobsOptions {
  /** Ms since the epoch. */
  now: () => number;
  /** Is told why a job failed, except of what is refused in words. */
  onError: (error: unknown) => void;
}

interface Entry {
  job: Job;
  readonly cancelling: AbortController;
  ended: Promise<void>;
}

const keptJobs = 50;
const nouns: Record<JobKind, string> = { verify: "verification", backup: "backup", warm: "warming" };

/** Work that goes on behind an answer: one job of a kind at a time, and the last 50 to be asked about. */
export class Jobs {
  readonly #options: JobsOptions;
  /** In the order in which they were started. */
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** @throws OperationRefused where one of this kind runs already, or all are being closed. */
  start(kind: JobKind, work: JobWork, items?: readonly JobItem[]): Job {
    const running = this.#running().find((entry) => entry.job.kind === kind);
    if (running) throw new OperationRefused(409, `a ${nouns[kind]} runs already, as job ${running.job.id}`);
    if (this.#isClosed) throw new OperationRefused(409, "the server is stopping");
    const entry: Entry = {
      job: this.#newJob(kind, items),
      cancelling: new AbortController(),
      ended: Promise.resolve(),
    };
    const started = entry.job;
    this.#entries.set(started.id, entry);
    this.#forgetOldest();
    entry.ended = this.#run(entry, work);
    return started;
  }

  get(id: string): Job | undefined {
    return this.#entries.get(id)?.job;
  }

  /** Newest first. */
  list(): Job[] {
    return [...this.#entries.values()].map(({ job }) => job).reverse();
  }

  /** Whether the job was running. It is `cancelled` when its work has ended, or `done` if that came first. */
  cancel(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry?.job.state !== "running") return false;
    entry.cancelling.abort();
    return true;
  }

  /** Cancels what runs; resolves when all of it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running();
    for (const { cancelling } of running) cancelling.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }

  #running(): Entry[] {
    return [...this.#entries.values()].filter(({ job }) => job.state === "running");
  }

  #newJob(kind: JobKind, items: readonly JobItem[] | undefined): Job {
    return {
      id: randomUUID(),
      kind,
      state: "running",
      startedAt: this.#options.now(),
      endedAt: undefined,
      progress: { blobs: 0, totalBlobs: 0, bytes: 0, totalBytes: 0 },
      result: undefined,
      error: undefined,
      ...(items && { items }),
    };
  }

  async #run(entry: Entry, work: JobWork): Promise<void> {
    const { signal } = entry.cancelling;
    const end = (outcome: Partial<Job>): void => {
      entry.job = { ...entry.job, ...outcome, endedAt: this.#options.now() };
    };
    try {
      const result = await work(signal, (progress) => {
        if (entry.job.state === "running") entry.job = { ...entry.job, progress: { ...progress } };
      });
      end({ state: "done", result });
    } catch (error) {
      if (signal.aborted) {
        end({ state: "cancelled" });
        return;
      }
      if (!(error instanceof OperationRefused)) this.#options.onError(error);
      end({ state: "failed", error: wordsOf(error) });
    }
  }

  #forgetOldest(): void {
    for (const [id, { job }] of this.#entries) {
      if (this.#entries.size <= keptJobs) return;
      if (job.state !== "running") this.#entries.delete(id);
    }
  }
}

/** Errors with a kind or a code are what can happen to anyone; the text of a bug is for the log alone. */
function wordsOf(error: unknown): string {
  const isExpected = error instanceof Error && ("kind" in error || "code" in error);
  return isExpected ? error.message : "something went wrong here; the log says more";
}
