import type { Digest } from "../oci/index.ts";
import { judge } from "./judge.ts";
import { giveUp, isStill } from "./losses.ts";
import { attempt, forEachOf, type UpkeepParts } from "./parts.ts";

const pageLength = 64;

/** So many manifests are read side by side, so that one commit serves several. */
const width = 16;

/**
 * Reads the stored manifests again where the index says that edges are missing. If one could not be read or recorded,
 * the mark stays, and the next start tries again.
 */
export async function readMissingEdges(parts: UpkeepParts): Promise<void> {
  const { index, closing } = parts;
  if (!index.files.hasEdgesToRead()) return;
  let failures = 0;
  for (let page = index.files.manifestsAfter(0, pageLength); page.length > 0;) {
    await forEachOf(page, width, async ({ digest }) => {
      const isDone = await attempt(parts, () => readEdgesOf(parts, digest));
      if (!isDone) failures += 1;
    });
    if (closing.aborted) return;
    page = index.files.manifestsAfter(page.at(-1)?.id ?? 0, pageLength);
  }
  if (failures === 0) await index.recordEdgesRead();
}

/** Resolves to true when there is nothing more to learn from the manifest. */
async function readEdgesOf(parts: UpkeepParts, digest: Digest): Promise<true> {
  const { store, index, closing } = parts;
  const judgement = await judge(parts, digest, { signal: closing, wantsManifest: true });
  if (judgement.verdict === "undecided") throw judgement.cause;
  if (judgement.verdict !== "right") {
    await giveUp(parts, digest, { where: "reconcile", isBad: isStill(judgement.changedAt) });
    return true;
  }
  const { size, manifest } = judgement.hashed;
  if (!manifest) return true;
  await store.exclusively(digest, async () => {
    const row = index.manifest(digest);
    if (row) await index.adoptManifest({ digest, size, ...manifest }, row.fetchedAt);
  });
  return true;
}
