import { setTimeout as pause } from "node:timers/promises";

/** Looks again and again until `check` passes: for what follows an answer with no event to wait for. Throws its last failure. */
export async function eventually(check: () => Promise<void>, withinMs = 1500): Promise<void> {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (failure) {
      if (performance.now() > until) throw failure;
      await pause(10);
    }
  }
}
