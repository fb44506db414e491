import { setTimeout as pause } from "node:timers/promises";

/** Looks again and again until `check` passes: for what follows an answer with no event to wait for. Throws its last failure. */
export async function eventually<T>(check: () => Promise<T>, withinMs = 1500): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (failure) {
      if (performance.now() > until) throw failure;
      await pause(10);
    }
  }
}
