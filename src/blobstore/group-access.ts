import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { algorithms, fanOut } from "./layout.ts";

/** What a member of the directory's group needs to open a file whose name it is told; to list the names it would need more. */
const searchable = 0o010;

/**
 * Lets the group of the data directory through to the files of blobs, which everybody may read who gets there. The other
 * directories stay closed. What has been opened is left so.
 */
export async function openToGroup(directory: string): Promise<void> {
  const blobs = join(directory, "blobs");
  const shelves = algorithms.flatMap((algorithm) => fanOut.map((prefix) => join(blobs, algorithm, prefix)));
  // The way in comes last: whoever gets in finds the rest open.
  for (const path of [...shelves, ...algorithms.map((algorithm) => join(blobs, algorithm)), blobs, directory]) {
    const { mode } = await stat(path);
    if ((mode & searchable) === 0) await chmod(path, (mode & 0o7777) | searchable);
  }
}
