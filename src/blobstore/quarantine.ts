import type { Stats } from "node:fs";
import { lstat, lutimes, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno } from "./errors.ts";

/** What is wrong is kept for a person to look at, within these bounds; the oldest goes first. */
const maxFiles = 100;
const maxBytes = 1024 ** 3;

let moved = 0;

export function quarantineDirectory(directory: string): string {
  return join(directory, "quarantine");
}

/** Moves a file out of the way, under its own name and a number. Resolves to its new path; undefined where it is gone. */
export async function moveToQuarantine(directory: string, path: string): Promise<string | undefined> {
  const quarantine = quarantineDirectory(directory);
  moved += 1;
  const target = join(quarantine, `${basename(path)}.${Date.now()}-${moved}`);
  try {
    await rename(path, target);
    // The time of arrival, by which the oldest is known.
    await lutimes(target, new Date(), new Date());
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
  await shrink(quarantine);
  return target;
}

async function shrink(quarantine: string): Promise<void> {
  const names = await readdir(quarantine);
  const found = await Promise.all(names.map((name) => lookAt(join(quarantine, name))));
  const files = found.filter((file) => file !== undefined);
  let kept = 0;
  let bytes = 0;
  for (const { path, size } of files.sort((one, other) => other.mtimeMs - one.mtimeMs)) {
    kept += 1;
    bytes += size;
    // The newest stays, however large it is.
    if (kept > 1 && (kept > maxFiles || bytes > maxBytes)) await rm(path, { recursive: true, force: true });
  }
}

/** Not followed: what lies here may be anything. Two that shrink at once may find it gone. */
async function lookAt(path: string): Promise<(Pick<Stats, "size" | "mtimeMs"> & { path: string }) | undefined> {
  const status = await lstat(path).catch(() => undefined);
  return status && { path, size: status.size, mtimeMs: status.mtimeMs };
}
