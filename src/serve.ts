import { flushCompileCache } from "node:module";
import { startApp } from "./app.ts";
import { readVersion, runCli, type ServeOptions } from "./cli/index.ts";
import { verifyOffline } from "./verify-offline.ts";
import { loadSettings, type Settings } from "./config/index.ts";
import { pageLink } from "./page-link.ts";
import { createLogger } from "./telemetry/index.ts";

/** Runs the command line; resolves to the exit code. */
export function main(argv: readonly string[]): Promise<number> {
  const { stdout, stderr, env: environment } = process;
  return runCli(argv, { serve, verifyOffline, onInterrupt, stdout, stderr, environment });
}

/** Serves until SIGTERM or SIGINT; a second one ends at once. */
async function serve({ configFile, flags }: ServeOptions): Promise<void> {
  const settings = loadSettings({
    ...(configFile !== undefined && { file: configFile }),
    environment: process.env,
    flags,
  });
  const logger = createLogger(settings.log);
  // A promise that nobody awaits is a bug, but no reason to end the pulls of everybody else.
  process.on("unhandledRejection", (error) => logger.error({ err: error }, "a bug: unhandled rejection"));
  const app = await startApp(settings, { logger, version: readVersion() });
  logger.info({ ...app.addresses, dataDir: settings.dataDir, version: readVersion() }, "listening");
  const scheme = settings.admin.tls ? "https" : "http";
  printPageLink(pageLink(app.addresses.admin, app.adminToken, scheme), settings.log.format);
  // Written now and not only at the end, so that the next start neither compiles nor strips types, even after a crash.
  flushCompileCache();
  const signal = await firstSignal();
  logger.info({ signal }, "stopping");
  process.once(signal, () => process.exit(1));
  await app.stop();
  logger.info("stopped");
}

/** For the person at the terminal alone: the token in it must not come into a log (promise P9). */
function printPageLink(link: string | undefined, logFormat: Settings["log"]["format"]): void {
  if (link === undefined || !process.stdout.isTTY || logFormat === "json") return;
  process.stdout.write(`\n  The page, with the right to change things:\n  ${link}\n\n`);
}

function firstSignal(): Promise<"SIGTERM" | "SIGINT"> {
  return new Promise((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
}

function onInterrupt(listener: () => void): () => void {
  process.once("SIGINT", listener);
  return () => void process.off("SIGINT", listener);
}
