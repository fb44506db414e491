import { openSync, readSync } from "node:fs";

const buffer = Buffer.alloc(64);

/** That of the thread that loads this module first. */
const descriptor = openSync("/proc/thread-self/schedstat", "r");

/**
 * What the system has given this thread so far, in ms: on a processor, which is told up to the last time that it slept; and
 * ready to run while others had the processors, which is always up to date (proc(5), `schedstat`). A time by the clock less
 * the latter is what it would have been with nobody else there.
 */
export function scheduling(): { ranMs: number; waitedMs: number } {
  const length = readSync(descriptor, buffer, 0, buffer.length, 0);
  const [ran = 0, waited = 0] = buffer.toString("latin1", 0, length).split(" ").map(Number);
  return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
}
