import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { UpkeepError } from "./upkeep.ts";

/**
 * Checks that a backup of `directory` can be made in `target`.
 * @throws UpkeepError `target`, in words for the operator.
 */
export async function checkTarget(directory: string, target: string): Promise<void> {
  if (!isAbsolute(target)) throw new UpkeepError("target", `the path of a backup must be absolute: ${target}`);
  if (isWithin(await realpath(directory), await realPathOf(target))) {
    throw new UpkeepError("target", `a backup cannot be kept inside the data directory: ${target}`);
  }
  const names = await namesIn(target);
  if (names && names.length > 0)
    throw new UpkeepError("target", `${target} is not empty: a backup needs its own directory`);
}

/** Undefined where there is no such directory yet. */
async function namesIn(target: string): Promise<string[] | undefined> {
  try {
    return await readdir(target);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return undefined;
    throw new UpkeepError("target", `${target} is no directory that can be used: ${String(code)}`);
  }
}

/** The real path that `path` has or will have: whatever of it is there already may lead elsewhere. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPathOf(parent), basename(path));
  }
}

function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
