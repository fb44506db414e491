import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { basename } from "node:path";
import { blobPath, type Shelf } from "../blobstore/index.ts";
import type { BlobRow } from "../metadata/index.ts";
import { parseDigest, type Digest } from "../oci/index.ts";
import type { UpkeepParts } from "./parts.ts";
import type { CorruptionFinder } from "./upkeep.ts";

/** What lies at `path`, not followed and not opened: it may be anything. Undefined where there is nothing. */
export async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether a file of this row would have to be adopted: the index does not know of it. */
export function isUnknown(row: BlobRow | undefined): boolean {
  return row === undefined || row.state === "known";
}

/**
 * Gives up the file of a row that says it is here, if it is gone or `isBad` still says so of what lies in its place:
 * whoever noticed it first may have been followed by a fill that brought it back. Resolves to whether it was given up.
 */
export async function giveUp(
  parts: UpkeepParts,
  digest: Digest,
  { where, isBad = () => false }: { where: CorruptionFinder; isBad?: (found: Stats) => boolean },
): Promise<boolean> {
  const { directory, store, index, observer, onLost } = parts;
  const isLost = await store.exclusively(digest, async () => {
    if (index.blob(digest)?.state !== "present") return false;
    const found = await lookAt(blobPath(directory, digest));
    if (found && !isBad(found)) return false;
    if (found) {
      await store.quarantine(digest);
      observer.corrupt(digest, where);
      observer.quarantined(digest);
    }
    await index.forgetFile(digest);
    return true;
  });
  if (isLost) onLost(digest);
  return isLost;
}

/** Moves a file that the index does not know out of the way, unless it is not the one that was judged any more. */
export function quarantineUnknown(parts: UpkeepParts, digest: Digest, changedAt: number | undefined): Promise<void> {
  const { directory, store, index, observer } = parts;
  return store.exclusively(digest, async () => {
    if (!isUnknown(index.blob(digest))) return;
    const found = await lookAt(blobPath(directory, digest));
    if (found?.ctimeMs !== changedAt) return;
    await store.quarantine(digest);
    observer.quarantined(digest);
  });
}

/** Moves out of the way what has no business in `blobs/`. In the place of a digest a fill may have put its file meanwhile. */
export async function clearAway(parts: UpkeepParts, path: string, { algorithm }: Shelf): Promise<void> {
  const { directory, store, observer } = parts;
  const moveAway = async (): Promise<void> => {
    await store.quarantine({ path });
    observer.quarantined(path);
  };
  const digest = parseDigest(`${algorithm}:${basename(path)}`);
  if (!digest || blobPath(directory, digest) !== path) return moveAway();
  return store.exclusively(digest, async () => {
    if ((await lookAt(path))?.isFile() === false) await moveAway();
  });
}

/** Whether what is found is the very file that was judged, unchanged. */
export function isStill(changedAt: number | undefined): (found: Stats) => boolean {
  if (changedAt === undefined) return () => false;
  return ({ ctimeMs }) => ctimeMs === changedAt;
}
