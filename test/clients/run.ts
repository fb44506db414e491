// npm run test:clients: real clients against a real registry, through entrepot. Ends with "N passed, N failed".
import { deepEqual } from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { binary, ChildProcesses } from "./child-processes.ts";
import { createChecks, type Checks } from "./checks.ts";
import type { Client, ClientSettings } from "./client.ts";
import { checkClient } from "./client-promises.ts";
import { checkContainerdNames } from "./containerd-names.ts";
import { startContainerd, type Containerd } from "./containerd.ts";
import { checkDoctor } from "./doctor.ts";
import { checkFirstSteps } from "./first-steps.ts";
import { checkErrorWords } from "./error-words.ts";
import { verifyLog } from "./entrepot-log.ts";
import { checkFaultyUpstream } from "./faulty-upstream.ts";
import { startDockerd } from "./dockerd.ts";
import { createPodman } from "./podman.ts";
import { createScratchDirectory, processesNaming, removeScratchDirectory } from "./scratch-directory.ts";
import { checkScripts } from "./scripts/index.ts";
import { checkSharedFetch } from "./shared-fetch.ts";
import { checkPrivateImages } from "./private-images.ts";
import { checkPushes } from "./pushes.ts";
import { createSkopeo } from "./skopeo.ts";
import { buildStage, type Stage } from "./stage.ts";

const longestRunMs = 20 * 60_000;

const neededBinaries = [
  "tar",
  "docker-registry",
  "skopeo",
  "umoci",
  "dockerd",
  "docker",
  "containerd",
  "ctr",
  "podman",
  "buildah",
  "nginx",
];

interface Run {
  readonly checks: Checks;
  readonly processes: ChildProcesses;
  readonly scratch: string;
}

/** A client that does not start is a failed check; the checks made with it are then not made. */
async function startClient<T extends Client>(
  { checks, processes, scratch }: Run,
  stage: Stage,
  name: string,
  start: (settings: ClientSettings) => T | Promise<T>,
): Promise<T[]> {
  const directory = join(scratch, name);
  mkdirSync(directory);
  const clients: T[] = [];
  checks.watch([join(directory, `${name}.log`)]);
  await checks.check(`${name} starts`, async () => {
    clients.push(await start({ processes, directory, cachePort: stage.cache.port }));
  });
  return clients;
}

async function checkEverything(run: Run): Promise<void> {
  const { checks, processes, scratch } = run;
  for (const name of neededBinaries) await checks.check(`finds ${name}`, () => Promise.resolve(void binary(name)));
  const stage = await buildStage(processes, scratch);
  checks.watch(stage.logFiles);
  if (!(await checks.check("entrepot starts", () => stage.reset()))) return;

  await checkScripts(checks, stage);
  const containerds: Containerd[] = await startClient(run, stage, "containerd", startContainerd);
  const clients: Client[] = [
    ...(await startClient(run, stage, "dockerd", startDockerd)),
    ...(await startClient(run, stage, "podman", createPodman)),
    ...containerds,
    ...(await startClient(run, stage, "skopeo", createSkopeo)),
  ];
  const logFiles = clients.flatMap(({ logFile }) => (logFile === undefined ? [] : [logFile]));
  for (const client of clients) {
    checks.watch([...stage.logFiles, ...(client.logFile === undefined ? [] : [client.logFile])]);
    await checkClient(checks, stage, client);
  }
  checks.watch([...stage.logFiles, ...logFiles]);
  for (const containerd of containerds) await checkContainerdNames(checks, stage, containerd);
  await checkSharedFetch(checks, stage, clients);
  for (const client of clients.filter(({ name }) => name !== "dockerd"))
    await checkFaultyUpstream(checks, stage, client);
  await checkErrorWords(checks, { processes, directory: scratch, clients });
  await checkPrivateImages(checks, { processes, directory: scratch, clients, image: stage.demo });
  await checkPushes(checks, { processes, directory: scratch, clients, image: stage.demo });
  const { upstream, demo } = stage;
  const newcomer = { processes, directory: scratch, image: demo, upstreamPort: upstream.port };
  await checkDoctor(checks, newcomer);
  await checkFirstSteps(checks, newcomer);
  await checks.check("entrepot's log names every client and holds no error", async () => {
    await stage.cache.stop();
    verifyLog(stage, clients);
  });
}

/** Aborts when the run is to end early: a signal, a fault of its own, too long a time. */
function watchForInterruption(): AbortController {
  const interruption = new AbortController();
  const interrupt = (reason: string, cause?: unknown) => interruption.abort(new Error(reason, { cause }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt(`ended by ${signal}`));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (cause: unknown) => interrupt(`a fault of the run itself: ${inspect(cause)}`, cause));
  }
  setTimeout(() => interrupt(`longer than ${longestRunMs} ms`), longestRunMs).unref();
  return interruption;
}

async function endEverything({ processes, scratch }: Run): Promise<void> {
  await processes.endAll();
  const remaining = processesNaming(scratch);
  for (const line of remaining) process.kill(Number.parseInt(line, 10), "SIGKILL");
  removeScratchDirectory(scratch);
  deepEqual(remaining, [], "processes that had to be ended");
}

async function main(): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const { signal } = watchForInterruption();
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
  const scratch = createScratchDirectory();
  const run: Run = { checks: createChecks(print, signal), processes: new ChildProcesses(scratch), scratch };
  await run.checks.conclude("the run comes to its end", () => Promise.race([checkEverything(run), interrupted]));
  await run.checks.conclude("every process ends and nothing is left behind", () => endEverything(run));
  print(`${run.checks.passed()} passed, ${run.checks.failed()} failed`);
  process.exit(run.checks.failed() === 0 ? 0 : 1);
}

await main();
