import { setTimeout as pause } from "node:timers/promises";
import type { CliContext } from "../context.ts";

/** Runs `work` until it ends or Ctrl-C, which is a good end. */
export async function untilInterrupted(
  { onInterrupt }: CliContext,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const interruption = new AbortController();
  const forget = onInterrupt(() => interruption.abort());
  try {
    await work(interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
  } finally {
    forget();
  }
}

/** @throws the reason of `signal` */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal });
}
