import { closeSync, fchmodSync, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { isErrno } from "./errno.ts";

/** Ends the names of what is not in its place yet. */
export const newSuffix = ".entrepot-new";

export interface Ownership {
  mode: number;
  uid: number;
  gid: number;
}

/** Writes `text` to `file` and onto the disk; a file that is there is replaced in one step. */
export function writeInOneStep(file: string, text: string, ownership?: Ownership): void {
  const staged = `${file}${newSuffix}`;
  rmSync(staged, { force: true });
  writeDurably(staged, text, ownership);
  moveInOneStep(staged, file);
}

/** `from` takes the place of `to`, on the disk too. */
export function moveInOneStep(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
}

export function writeDurably(file: string, text: string, ownership?: Ownership): void {
  const descriptor = openSync(file, "wx", 0o644);
  try {
    if (ownership) own(descriptor, ownership);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Who may read the earlier file may read this one. Without the right to give files away they stay with whoever writes them. */
function own(descriptor: number, { mode, uid, gid }: Ownership): void {
  fchmodSync(descriptor, mode & 0o777);
  try {
    fchownSync(descriptor, uid, gid);
  } catch (error) {
    if (!isErrno(error, "EPERM")) throw error;
  }
}
