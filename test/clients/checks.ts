// The runner: one line per promise, the reason and the logs of a broken one, and the count at the end.
import { sizeOf, tailOf } from "./child-processes.ts";

export interface Checks {
  /** True if it held. Once the run is interrupted nothing more is checked: it throws the interruption's reason. */
  readonly check: (promise: string, verify: () => Promise<void>) => Promise<boolean>;
  /** The same for what is to be done at the end, interrupted or not. */
  readonly conclude: (promise: string, verify: () => Promise<void>) => Promise<boolean>;
  /** Logs whose tails are printed with a failure; replaces the ones before. */
  readonly watch: (logFiles: readonly string[]) => void;
  readonly passed: () => number;
  readonly failed: () => number;
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}

export function createChecks(print: (line: string) => void, interruption: AbortSignal): Checks {
  let passed = 0;
  let failed = 0;
  let watched: readonly string[] = [];

  async function attempt(promise: string, verify: () => Promise<void>, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    const startedAt = Date.now();
    const logs = watched.map((logFile) => ({ logFile, from: sizeOf(logFile) }));
    try {
      await verify();
      passed += 1;
      print(`ok - ${promise} (${Date.now() - startedAt} ms)`);
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      failed += 1;
      print(`not ok - ${promise} (${Date.now() - startedAt} ms)`);
      print(indent(error instanceof Error ? error.message : String(error)));
      for (const { logFile, from } of logs) {
        print(indent([`--- ${logFile}, written during this check`, ...tailOf(logFile, from)].join("\n")));
      }
      return false;
    }
  }

  return {
    check: (promise, verify) => attempt(promise, verify, interruption),
    conclude: (promise, verify) => attempt(promise, verify),
    watch: (logFiles) => {
      watched = logFiles;
    },
    passed: () => passed,
    failed: () => failed,
  };
}
