import { monitorEventLoopDelay } from "node:perf_hooks";
import { startApp, type App } from "../../../../src/app.ts";
import { loadSettings } from "../../../../src/config/index.ts";
import { createLogger } from "../../../../src/telemetry/index.ts";
import type { Listening, Pauses, Probes } from "./protocol.ts";
import { scheduling } from "./scheduling.ts";

const resolutionMs = 1;

const delays = monitorEventLoopDelay({ resolution: resolutionMs });
let longestOwnMs = 0;
let longestRunMs = 0;
let utilization = performance.eventLoopUtilization();
let app: App | undefined;

/** The whole application, with an eye on its event loop from before it is built. */
export async function serveWatched(ask: Probes["serve"]["ask"]): Promise<Probes["serve"]["answer"]> {
  if (ask === "pauses") return takePauses();
  if (ask === "stop") {
    await app?.stop();
    // What is left are our own timer and the channel.
    setImmediate(() => process.exit(0));
    return "stopped";
  }
  delays.enable();
  watchTurns();
  return start(ask.configFile);
}

async function start(file: string): Promise<Listening> {
  const settings = loadSettings({ file, environment: {} });
  app = await startApp(settings, { logger: createLogger(settings.log), version: "0.0.0-bench" });
  const { pull, admin } = app.addresses;
  return { url: `http://${String(pull[0])}`, adminUrl: `http://${String(admin[0])}`, adminToken: app.adminToken };
}

/** Between two ticks of a timer of 1 ms there is one turn of the loop at most, with all that it runs. */
function watchTurns(): void {
  let before = { at: performance.now(), ...scheduling() };
  setInterval(() => {
    const now = { at: performance.now(), ...scheduling() };
    longestOwnMs = Math.max(longestOwnMs, now.at - before.at - (now.waitedMs - before.waitedMs));
    longestRunMs = Math.max(longestRunMs, now.ranMs - before.ranMs);
    before = now;
  }, resolutionMs);
}

function takePauses(): Pauses {
  const now = performance.eventLoopUtilization();
  const pauses = {
    longestMs: delays.max / 1e6,
    longestOwnMs,
    longestRunMs,
    busy: performance.eventLoopUtilization(now, utilization).utilization,
  };
  utilization = now;
  delays.reset();
  longestOwnMs = 0;
  longestRunMs = 0;
  return pauses;
}
