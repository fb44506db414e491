import { execFile } from "node:child_process";
import type { Logger } from "./telemetry/index.ts";

const timeoutMs = 5000;

export type ServiceState = "ready" | "reloading" | "stopping";

/**
 * Tells systemd how far the service is (sd_notify(3)), where it wants to know: `NOTIFY_SOCKET` is set. Node cannot write to
 * such a socket, so `systemd-notify` does, by what every version of it
 * takes; the unit needs `NotifyAccess=all`. Resolves when it has been told, or could not be.
 */
export function tellServiceManager(state: ServiceState, logger: Logger): Promise<void> {
  if ((process.env["NOTIFY_SOCKET"] ?? "") === "") return Promise.resolve();
  return new Promise((resolve) => {
    execFile("systemd-notify", wordsOf(state), { timeout: timeoutMs }, (error) => {
      if (error) logger.warn({ err: error }, `systemd could not be told that the service is ${state}`);
      resolve();
    });
  });
}

function wordsOf(state: ServiceState): string[] {
  if (state !== "reloading") return [`${state.toUpperCase()}=1`];
  // By it `Type=notify-reload` tells this reload from an earlier one; Node's clock is CLOCK_MONOTONIC.
  return ["RELOADING=1", `MONOTONIC_USEC=${String(process.hrtime.bigint() / 1000n)}`];
}
