import { setTimeout as sleep } from "node:timers/promises";
import type { TestUpstream } from "../../upstream/index.ts";
import { checkDataDirectory } from "../checker/data-directory.ts";
import { dataDirectoryIn, EntrepotProcess } from "./entrepot-process.ts";
import { blobPathsOf, resourcesOf, tagPath, type PublishedTag } from "./published.ts";
import { isWhole, judge, Puller, type Hit } from "./puller.ts";

/** A pull may have to wait until an upstream that was down is believed to be back. */
const pullWithinMs = 20_000;

export interface Crash {
  /** Of the instance that has ended: its configuration, and in `data/` its remains. */
  directory: string;
  main?: string | undefined;
  settings?: Record<string, unknown> | undefined;
  /** Holds what is published, and nobody else uses it. */
  upstream: TestUpstream;
  published: readonly PublishedTag[];
  /** The hits, answered before the crash, that must be hits now. */
  hits: readonly Hit[];
  spoilt?: readonly string[] | undefined;
}

/**
 * Starts an instance on what a crash has left and tells in words all that is not as promised: without the upstream
 * everything that was a hit is one, with it every image can be pulled, and the directory is sound before and after.
 */
export async function aftermathOf(crash: Crash): Promise<string[]> {
  const { directory, main, settings, upstream, published, hits, spoilt } = crash;
  const data = dataDirectoryIn(directory);
  const violations = checkDataDirectory(data, { after: "crash", spoilt }).map((words) => `after the crash: ${words}`);
  setReachable(upstream, false);
  try {
    const instance = await EntrepotProcess.start({ directory, main, settings, upstreamUrl: upstream.url });
    try {
      violations.push(...(await judgeAll(instance, published, hits)).map((words) => `without the upstream: ${words}`));
      setReachable(upstream, true);
      violations.push(...(await pullAll(instance, published)).map((words) => `with the upstream: ${words}`));
    } finally {
      // What was out of order before the crash is put right in the background.
      await instance.reconciled();
      await instance.stop();
    }
  } catch (error) {
    violations.push(error instanceof Error ? error.message : String(error));
  }
  violations.push(...checkDataDirectory(data, { after: "stop", spoilt }).map((words) => `after the stop: ${words}`));
  return violations;
}

/** Its port stays taken: another process that asks for any port must not be given this one. */
export function setReachable(upstream: TestUpstream, isReachable: boolean): void {
  const registry = upstream.site("registry");
  registry.onConnect = isReachable ? "accept" : "reset";
  registry.dropConnections();
}

export async function judgeAll(
  instance: EntrepotProcess,
  published: readonly PublishedTag[],
  hits: readonly Hit[],
): Promise<string[]> {
  const resources = resourcesOf(published);
  const judgements = await Promise.all(
    resources.map(async (resource) => judge(resource, await instance.ask(resource.path), hits)),
  );
  return judgements.filter((words) => words !== undefined);
}

/** Pulls the image of each tag, and the newest one by its digest. */
export async function pullAll(instance: EntrepotProcess, published: readonly PublishedTag[]): Promise<string[]> {
  const puller = new Puller((path, options) => instance.ask(path, options));
  const missing: string[] = [];
  const paths = published.flatMap((tag) => {
    const newest = tag.versions.slice(-1);
    const digests = newest.map(({ digest }) => tagPath({ repository: tag.repository, tag: digest }));
    return [tagPath(tag), ...digests, ...newest.flatMap((image) => blobPathsOf(tag.repository, image))];
  });
  await Promise.all(
    paths.map(async (path) => {
      if (!(await isPulled(puller, path))) missing.push(`${path}: cannot be pulled`);
    }),
  );
  return [...puller.wrong, ...missing];
}

async function isPulled(puller: Puller, path: string): Promise<boolean> {
  const until = performance.now() + pullWithinMs;
  while (!isWhole(await puller.get(path))) {
    if (performance.now() > until) return false;
    await sleep(200);
  }
  return true;
}
