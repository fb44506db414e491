import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAll } from "./entrepot-process.ts";

type Undo = () => Promise<void> | void;

const tmpfsMagic = 0x01021994;

/**
 * A directory for all that a test makes, and the list of what is to be undone: file systems unmounted, devices let
 * go. What entrepot still runs is ended before that. In memory where there is a place for that, as a kill loses nothing that was written.
 */
export class Scratch {
  readonly directory: string;
  readonly #undo: Undo[] = [];
  #close: Promise<void> | undefined;

  constructor() {
    const root = isInMemory("/dev/shm") ? "/dev/shm" : tmpdir();
    this.directory = mkdtempSync(join(root, "entrepot-faults-"));
    // An interrupted run calls no hook any more; a mount that stays behind would be in everybody's way.
    process.once("exit", this.#unmountAll);
  }

  /** A new, empty directory. */
  async make(name: string): Promise<string> {
    await mkdir(this.directory, { recursive: true });
    return mkdtemp(join(this.directory, `${name}-`));
  }

  /** Undone before what was there earlier. */
  onClose(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** Undoes everything, whatever fails on the way, and removes the directory. Rejects with the first failure. */
  close(): Promise<void> {
    this.#close ??= this.#undoAll();
    return this.#close;
  }

  async #undoAll(): Promise<void> {
    const failures: unknown[] = [];
    // What runs holds files open, and with them the file systems.
    await killAll();
    for (const undo of this.#undo.splice(0).reverse()) {
      await Promise.resolve()
        .then(undo)
        .catch((error: unknown) => failures.push(error));
    }
    this.#unmountAll();
    process.off("exit", this.#unmountAll);
    rmSync(this.directory, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be undone");
  }

  /** What is still mounted below the directory: nothing, unless a test ended in the middle. */
  readonly #unmountAll = (): void => {
    const below = mountsBelow(this.directory);
    for (const point of below.reverse()) execFileSync("umount", ["--lazy", "--detach-loop", point]);
  };
}

function mountsBelow(directory: string): string[] {
  const output = execFileSync("findmnt", ["--list", "--noheadings", "--output", "TARGET"], { encoding: "utf8" });
  return output.split("\n").filter((point) => point.startsWith(`${directory}/`));
}

function isInMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfsMagic;
  } catch {
    return false;
  }
}
