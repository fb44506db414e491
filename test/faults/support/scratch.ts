import { spawn } from "node:child_process";
import { mkdtempSync, statfsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAll } from "./entrepot-process.ts";
import { removeLeftovers } from "./leftovers.ts";

type Undo = () => Promise<void> | void;

const tmpfsMagic = 0x01021994;

/**
 * A directory for all that a test makes, and the list of what is to be undone: file systems unmounted, devices let go. What
 * entrepot still runs is ended before that. In memory where there is a place for that, as a kill loses nothing that was
 * written.
 */
export class Scratch {
  readonly directory: string;
  readonly #guard;
  readonly #undo: Undo[] = [];
  #close: Promise<void> | undefined;

  constructor() {
    const root = isInMemory("/dev/shm") ? "/dev/shm" : tmpdir();
    this.directory = mkdtempSync(join(root, "entrepot-faults-"));
    const guard = new URL("./guard/run.ts", import.meta.url).pathname;
    this.#guard = spawn(process.execPath, [guard, this.directory], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#guard.unref();
  }

  /** A new, empty directory. */
  make(name: string): Promise<string> {
    return mkdtemp(join(this.directory, `${name}-`));
  }

  /** Undone before what was there earlier. */
  onClose(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** Undoes everything, whatever fails on the way, and removes the directory. Rejects where something failed. */
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
    removeLeftovers(this.directory);
    this.#guard.stdin.end();
    if (failures.length > 0) throw new AggregateError(failures, "not everything could be undone");
  }
}

function isInMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfsMagic;
  } catch {
    return false;
  }
}
