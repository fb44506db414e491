import { checkDataDirectory } from "../checker/data-directory.ts";
import { dataDirectoryIn, EntrepotProcess } from "../support/entrepot-process.ts";
import { FailingCalls } from "../support/failing-calls.ts";
import { blobPathsOf, tagPath } from "../support/published.ts";
import { Puller } from "../support/puller.ts";
import type { Scratch } from "../support/scratch.ts";
import { startUpstream } from "../../upstream/index.ts";

/** Longer than the pull takes. */
const unlinkMs = 2000;

/**
 * Pulls an image again while each file of it is in the middle of being unlinked.
 * @returns what is wrong, in words: bytes, and the data directory after a clean stop.
 */
export async function pullWhileUnlinking(scratch: Scratch, main?: string): Promise<string[]> {
  const upstream = await startUpstream();
  scratch.onClose(() => upstream.close());
  const image = upstream.pushImage("library/demo", "1", { layers: [50_000, 300_000] });
  const published = { repository: "library/demo", tag: "1", versions: [image] };
  const directory = await scratch.make("slow-unlink");
  // Slow calls are not to be in the way of others for want of threads.
  const environment = { UV_THREADPOOL_SIZE: "32" };
  const instance = await EntrepotProcess.start({ directory, main, environment, upstreamUrl: upstream.url });
  const puller = new Puller((path, options) => instance.ask(path, options));
  await puller.pullUntilHit(published, image, false);
  await instance.reconciled();
  const slow = await FailingCalls.start(instance.pid, { calls: "unlink,unlinkat", effect: { delayMs: unlinkMs } });
  const evicting = instance.admin.evict({ image: "docker.io/library/demo:1" });
  upstream.requests.clear();
  while (upstream.requests.count({ kind: "manifest-tag" }) === 0) await puller.get(tagPath(published));
  await Promise.all(blobPathsOf("library/demo", image).map((path) => puller.get(path)));
  await evicting;
  await instance.settled();
  await slow.stop();
  await instance.stop();
  return [...puller.wrong, ...checkDataDirectory(dataDirectoryIn(directory), { after: "stop" })];
}
