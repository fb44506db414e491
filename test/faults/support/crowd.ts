import type { Reply } from "../../support/instance.ts";
import type { EntrepotProcess } from "./entrepot-process.ts";
import { blobPathsOf, tagPath, type PublishedTag } from "./published.ts";
import { isWhole, Puller } from "./puller.ts";

const clients = 4;

export interface Pulled {
  /** In words: answers with wrong bytes, and such as have no bytes, or not all. */
  faults: string[];
  answers: number;
  hits: number;
  /** Answers that were fetched and not kept. */
  uncached: number;
}

export interface CrowdOptions {
  /** How often a client asks for the same thing before it gives up: real ones come back when a body breaks off. */
  attempts?: number;
}

/** Several clients pull all images at the same time, each beginning with another. */
export async function pullTogether(
  instance: EntrepotProcess,
  published: readonly PublishedTag[],
  { attempts = 1 }: CrowdOptions = {},
): Promise<Pulled> {
  const puller = new Puller((path, options) => instance.ask(path, options));
  let answers = 0;
  let uncached = 0;
  const failed: { path: string; how: string }[] = [];
  const pullOne = async (path: string): Promise<void> => {
    answers += 1;
    let reply: Reply | undefined;
    for (let attempt = 0; attempt < attempts && !(reply && isWhole(reply)); attempt += 1)
      reply = await puller.get(path);
    if (!reply || !isWhole(reply)) failed.push({ path, how: reply?.isShort ? "cut short" : String(reply?.status) });
    else if (String(reply.headers["cache-status"]) === "entrepot; fwd=miss") uncached += 1;
  };
  const client = async (number: number): Promise<void> => {
    const from = Math.floor((number / clients) * published.length);
    for (const tag of [...published.slice(from), ...published.slice(0, from)]) {
      await pullOne(tagPath(tag));
      for (const path of tag.versions.flatMap((image) => blobPathsOf(tag.repository, image))) await pullOne(path);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  const failures = [...Map.groupBy(failed, ({ how }) => how)].map(
    ([how, alike]) => `${alike.length} answers: ${how}, such as that to ${String(alike[0]?.path)}`,
  );
  return { faults: [...puller.wrong, ...failures], answers, hits: puller.hits.length, uncached };
}
