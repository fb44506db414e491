import { linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { changed, leftAsIs, type Change } from "./change.ts";
import { moveInOneStep, newSuffix, syncDirectory, writeDurably, writeInOneStep } from "./durable.ts";
import { isErrno } from "./errno.ts";

const mark = "# entrepot node-setup wrote this file";
const madeMark = `${mark} and made its directory`;
const earlierSuffix = ".before-entrepot";
const stagedPrefix = ".entrepot-";

/**
 * A file of the node that is ours for a while. What was in its place stays beside it under another name, the very same file
 * (a hard link), until it takes its place again. Each step leaves either the earlier file or the whole new one in the
 * place, and our first line says which it is: there is nothing else to remember.
 */
export class ManagedFile {
  readonly path: string;
  readonly #earlier: string;

  constructor(path: string) {
    this.path = path;
    this.#earlier = `${path}${earlierSuffix}`;
  }

  /** What is there, or was there before we came; undefined for nothing. */
  readEarlier(): string | undefined {
    const present = read(this.path);
    return present === undefined || isOurs(present) ? read(this.#earlier) : present;
  }

  /** Puts `text` there, below our first line. */
  write(text: string): Change {
    const present = read(this.path);
    const directory = dirname(this.path);
    const isMissing = !exists(directory);
    const isMade = isMissing || present?.startsWith(madeMark) === true;
    const whole = `${isMade ? madeMark : mark}: ${this.#farewell(isMade)}\n${text}`;
    if (present === whole) return changed(this.path, "unchanged");
    if (isMissing) makeWith(directory, basename(this.path), whole);
    else this.#replace(present, whole);
    return changed(this.path, "written");
  }

  /** What was there before us comes back, with its directory. Undefined where nothing is ours. */
  restore(): Change | undefined {
    const present = read(this.path);
    const hasEarlier = exists(this.#earlier);
    if (present !== undefined && !isOurs(present)) {
      if (!hasEarlier) return undefined;
      const isSame = read(this.#earlier) === present;
      rmSync(this.#earlier);
      return isSame ? undefined : leftAsIs(this.path, "somebody else has written it since");
    }
    if (hasEarlier) {
      moveInOneStep(this.#earlier, this.path);
      return changed(this.path, "restored");
    }
    if (present === undefined) return undefined;
    this.#remove(present);
    return changed(this.path, "removed");
  }

  #farewell(isMade: boolean): string {
    if (isMade) return "both go with --uninstall.";
    return `with --uninstall it goes, and ${basename(this.#earlier)}, if there is one, takes its place again.`;
  }

  #replace(present: string | undefined, whole: string): void {
    if (present === undefined || isOurs(present)) {
      writeInOneStep(this.path, whole);
      return;
    }
    const { mode, uid, gid } = statSync(this.path);
    keepAs(this.path, this.#earlier);
    writeInOneStep(this.path, whole, { mode, uid, gid });
  }

  #remove(present: string): void {
    const directory = dirname(this.path);
    const isAlone = readdirSync(directory).every((name) => name === basename(this.path));
    if (!present.startsWith(madeMark) || !isAlone) {
      rmSync(this.path);
      syncDirectory(directory);
      return;
    }
    const leaving = stagedDirectory(directory);
    renameSync(directory, leaving);
    rmSync(leaving, { recursive: true });
    syncDirectory(dirname(directory));
  }
}

/** Removes what a run that was killed has left below `root`: in it, and in its directories. */
export function removeLeftovers(root: string): void {
  for (const entry of list(root)) {
    const path = join(root, entry.name);
    if (entry.name.startsWith(stagedPrefix) || entry.name.endsWith(newSuffix)) rmSync(path, { recursive: true });
    else if (entry.isDirectory()) {
      for (const { name } of list(path)) if (name.endsWith(newSuffix)) rmSync(join(path, name));
    }
  }
}

/** A directory appears with its file in it: an empty one would say something else. */
function makeWith(directory: string, name: string, text: string): void {
  mkdirSync(dirname(directory), { recursive: true });
  const staged = stagedDirectory(directory);
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { mode: 0o755 });
  writeDurably(join(staged, name), text);
  syncDirectory(staged);
  moveInOneStep(staged, directory);
}

function stagedDirectory(directory: string): string {
  return join(dirname(directory), `${stagedPrefix}${basename(directory)}`);
}

function keepAs(file: string, earlier: string): void {
  const staged = `${earlier}${newSuffix}`;
  rmSync(staged, { force: true });
  linkSync(file, staged);
  moveInOneStep(staged, earlier);
  // Two links to one file: then rename(2) does nothing.
  rmSync(staged, { force: true });
}

function isOurs(text: string): boolean {
  return text.startsWith(mark);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function list(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
