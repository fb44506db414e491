import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syncPath } from "./backup.ts";
import { DataDirectoryError, sqliteCodeOf } from "./errors.ts";

/** The version of the layout of a data directory: which files are in it, and what their names mean. */
const formatVersion = 1;

/**
 * Checks the file FORMAT in `directory`, and writes it where there is none. The caller holds the directory's lock.
 * @throws DataDirectoryError `newer-format`, or `damaged` for a file with other contents than a version and a newline.
 */
export function checkFormat(directory: string): void {
  if (readFormat(directory) === undefined) writeDurably(directory, join(directory, "FORMAT"), `${formatVersion}\n`);
}

/**
 * The version in the file FORMAT; undefined where there is no such file.
 * @throws DataDirectoryError as `checkFormat`
 */
export function readFormat(directory: string): number | undefined {
  const path = join(directory, "FORMAT");
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const version = /^[1-9][0-9]{0,5}\n$/.test(text) ? Number(text) : undefined;
  if (version === undefined) {
    throw new DataDirectoryError(
      "damaged",
      `${path} does not hold a format version: is ${directory} a data directory of entrepot?`,
    );
  }
  if (version > formatVersion) {
    throw new DataDirectoryError(
      "newer-format",
      `${directory} has format ${version}, and this entrepot knows formats up to ${formatVersion}: ` +
        "run the newer entrepot that wrote it, or use another data directory",
    );
  }
  return version;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (sqliteCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Puts a small file in its place as a whole, and on the disk before it returns. */
export function writeDurably(directory: string, path: string, text: string): void {
  const unfinished = `${path}.tmp`;
  const descriptor = openSync(unfinished, "w", 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(unfinished, path);
  syncPath(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}
