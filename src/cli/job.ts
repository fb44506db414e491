import { setTimeout as pause } from "node:timers/promises";
import type { JobDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import type { Instance } from "./instance.ts";
import { createProgressBar } from "./progress-bar.ts";

const firstPauseMs = 20;
const longestPauseMs = 1000;
const members = ["id", "state", "progress"] as const;

export interface JobToStart {
  /** Under `/api/v1`: `/verify`. */
  path: string;
  body: object;
}

export interface JobToFollow extends JobToStart {
  /** For the progress bar: `verifying`. */
  label: string;
  /** For people: `the verification`. */
  name: string;
}

/**
 * Starts a job and waits for its end, with a progress bar on a terminal; Ctrl-C cancels it.
 * @throws CliError 1 where it failed or was cancelled, and those of `request`.
 */
export async function runJob(
  context: CliContext,
  instance: Instance,
  { label, name, ...job }: JobToFollow,
): Promise<JobDocument> {
  const bar = createProgressBar(context.stderr, label);
  const ended = await followJob(context, instance, { ...job, onJob: ({ progress }) => bar.draw(progress) }).finally(
    () => bar.clear(),
  );
  if (ended.state === "done") return ended;
  const words = ended.state === "failed" ? `failed: ${ended.error ?? "see the log"}` : "was cancelled";
  throw new CliError(exitCodes.failed, `${name} ${words}`);
}

/** Starts a job and resolves to it when it has ended, whatever its end; Ctrl-C cancels it. */
export async function followJob(
  context: CliContext,
  instance: Instance,
  { path, body, onJob }: JobToStart & { onJob: (job: JobDocument) => void },
): Promise<JobDocument> {
  const { id } = await request<{ id: string }>(instance, { method: "POST", path, body, members: ["id"] });
  const interruption = new AbortController();
  const forget = context.onInterrupt(() => interruption.abort());
  try {
    return await follow(instance, id, { signal: interruption.signal, onJob });
  } finally {
    forget();
  }
}

interface Following {
  /** Aborted to cancel the job. */
  signal: AbortSignal;
  onJob: (job: JobDocument) => void;
}

/** Asks more and more seldom, so that what is done at once is told at once. */
async function follow(instance: Instance, id: string, { signal, onJob }: Following): Promise<JobDocument> {
  const path = `/jobs/${encodeURIComponent(id)}`;
  let isCancelled = false;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    if (signal.aborted && !isCancelled) {
      isCancelled = true;
      pauseMs = firstPauseMs;
      await request<JobDocument>(instance, { method: "DELETE", path, members });
    }
    const job = await request<JobDocument>(instance, { path, members });
    if (job.state !== "running") return job;
    onJob(job);
    // An interruption ends the pause; after it, the pause is a whole one.
    await pause(pauseMs, undefined, isCancelled ? {} : { signal }).catch(() => undefined);
  }
}
