import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { entrepotMain } from "../support/entrepot-process.ts";
import type { Scratch } from "../support/scratch.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A piece of the source and what stands there instead. */
export interface Patch {
  /** In `src/`. */
  file: string;
  search: string;
  replace: string;
}

/**
 * A copy of the program with a bug in it.
 * @returns its main file.
 * @throws Error where a text that is to be replaced is not there exactly once: the source has moved on, the patch must too.
 */
export async function plant(scratch: Scratch, patches: readonly Patch[]): Promise<string> {
  const source = entrepotMain.endsWith(".ts") ? dirname(entrepotMain) : join(root, "src");
  const copy = await scratch.make("planted");
  await mkdir(join(copy, "src"));
  await cp(source, join(copy, "src"), { recursive: true });
  await cp(join(dirname(source), "package.json"), join(copy, "package.json"));
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  for (const { file, search, replace } of patches) {
    const path = join(copy, "src", file);
    const text = await readFile(path, "utf8");
    const count = text.split(search).length - 1;
    if (count !== 1) throw new Error(`src/${file} has ${count} times, not once: ${search}`);
    await writeFile(
      path,
      text.replace(search, () => replace),
    );
  }
  return join(copy, "src", basename(entrepotMain).replace(/\.js$/, ".ts"));
}
