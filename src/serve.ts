import { flushCompileCache } from "node:module";
import { startApp, type App } from "./app.ts";
import { readVersion, runCli, type ServeOptions } from "./cli/index.ts";
import { verifyOffline } from "./verify-offline.ts";
import { ConfigError, loadSettings, type Settings } from "./config/index.ts";
import { pageLink } from "./page-link.ts";
import { tellServiceManager } from "./service-manager.ts";
import { createLogger, type Logger } from "./telemetry/index.ts";

/** Runs the command line; resolves to the exit code. */
export function main(argv: readonly string[]): Promise<number> {
  const { stdout, stderr, env: environment } = process;
  return runCli(argv, { serve, verifyOffline, onInterrupt, stdout, stderr, environment });
}

/** Serves until SIGTERM or SIGINT; a second one ends at once. SIGHUP reads the configuration again. */
async function serve({ configFile: file, flags }: ServeOptions): Promise<void> {
  const readSettings = (): Settings => loadSettings({ file, environment: process.env, flags });
  const settings = readSettings();
  const logger = createLogger(settings.log);
  // A promise that nobody awaits is a bug, but no reason to end the pulls of everybody else.
  process.on("unhandledRejection", (error) => logger.error({ err: error }, "a bug: unhandled rejection"));
  const app = await startApp(settings, { logger, version: readVersion(), readSettings });
  process.on("SIGHUP", () => void reload(app, logger));
  logger.info({ ...app.addresses, dataDir: settings.dataDir, version: readVersion() }, "listening");
  const scheme = settings.admin.tls ? "https" : "http";
  printPageLink(pageLink(app.addresses.admin, app.adminToken, scheme), settings.log.format);
  // Written now and not only at the end, so that the next start neither compiles nor strips types, even after a crash.
  flushCompileCache();
  const stopping = firstSignal();
  await tellServiceManager("ready", logger);
  const signal = await stopping;
  logger.info({ signal }, "stopping");
  void firstSignal().then(() => process.exit(1));
  await Promise.all([app.stop(), tellServiceManager("stopping", logger)]);
  logger.info("stopped");
}

async function reload(app: App, logger: Logger): Promise<void> {
  await tellServiceManager("reloading", logger);
  try {
    await app.reload();
  } catch (error) {
    if (!(error instanceof ConfigError)) logger.error({ err: error }, "the configuration could not be read again");
  }
  await tellServiceManager("ready", logger);
}

/** For the person at the terminal alone: the token in it must not come into a log (promise P9). */
function printPageLink(link: string | undefined, logFormat: Settings["log"]["format"]): void {
  if (link === undefined || !process.stdout.isTTY || logFormat === "json") return;
  process.stdout.write(`\n  The page, with the right to change things:\n  ${link}\n\n`);
}

function firstSignal(): Promise<"SIGTERM" | "SIGINT"> {
  return new Promise((resolve) => {
    const end = (signal: "SIGTERM" | "SIGINT"): void => {
      process.off("SIGTERM", end).off("SIGINT", end);
      resolve(signal);
    };
    process.on("SIGTERM", end).on("SIGINT", end);
  });
}

function onInterrupt(listener: () => void): () => void {
  process.once("SIGINT", listener);
  return () => void process.off("SIGINT", listener);
}
