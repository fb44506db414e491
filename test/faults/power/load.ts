import type { TestUpstream } from "../../upstream/index.ts";
import type { EntrepotProcess } from "../support/entrepot-process.ts";
import { blobPathsOf, tagPath, type PublishedTag } from "../support/published.ts";
import type { Puller } from "../support/puller.ts";
import type { Random } from "../../support/random.ts";

const clients = 6;

/**
 * Clients that pull and pull again while tags move, once the instance listens. Resolves when each has come to the end of
 * its pull after `resting` was aborted, or gets no answer any more.
 */
export async function pullUntilEnded(
  instance: EntrepotProcess,
  { puller, upstream, published, random }: Load,
  resting: AbortSignal,
): Promise<void> {
  const pullOne = async (): Promise<void> => {
    const wanted = random.pick(published);
    const isMoving = random.below(3) === 0;
    if (isMoving) upstream.tag(wanted.repository, wanted.tag, newer(upstream, wanted));
    await puller.get(tagPath(wanted), { headers: isMoving ? { "cache-control": "no-cache" } : {} });
    for (const path of blobPathsOf(wanted.repository, random.pick(wanted.versions))) await puller.get(path);
  };
  const client = async (): Promise<void> => {
    await instance.listening();
    while (!resting.aborted) await pullOne();
  };
  // Pulls end with the instance; what was answered until then is what counts.
  await Promise.allSettled(Array.from({ length: clients }, client));
}

export interface Load {
  puller: Puller;
  upstream: TestUpstream;
  published: readonly PublishedTag[];
  random: Random;
}

/** A tag moves forward only, so that what it was must not come back. */
function newer(
  upstream: TestUpstream,
  { repository, tag, versions }: PublishedTag,
): PublishedTag["versions"][number]["digest"] {
  const now = upstream.content.find(repository)?.tags.get(tag);
  const index = versions.findIndex(({ digest }) => digest === now);
  const next = versions[index + 1] ?? versions[index];
  if (!next) throw new Error(`${repository}:${tag} is not at one of its versions`);
  return next.digest;
}
