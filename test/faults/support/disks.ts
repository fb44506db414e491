// File systems of a test's own. All of it needs root.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scratch } from "./scratch.ts";

/** A file system in memory, with mount options such as `size=8m` and `nr_inodes=2000`. */
export function mountTmpfs(scratch: Scratch, name: string, options: string): string {
  const point = join(scratch.directory, name);
  mkdirSync(point);
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", point]);
  scratch.onClose(() => void execFileSync("umount", [point]));
  return point;
}

/**
 * An ext4 on a device of its own whose power can be cut. All that is not synced gets lost as surely as it can be:
 * `commit=300`, so that the journal is written when somebody syncs, and not also because five seconds have gone by;
 * inodes of 128 bytes, whose times are whole seconds, so that the sync of a file that is overwritten (such as the log of
 * the index) need not write the journal for a new time, and with it all that others have done before.
 */
export class Ext4Disk {
  readonly point: string;
  readonly #device: string;
  #isMounted = false;
  #breaker: PowerSwitch | undefined;

  constructor(scratch: Scratch, sizeMiB: number) {
    const image = join(scratch.directory, "disk.img");
    this.point = join(scratch.directory, "disk");
    mkdirSync(this.point);
    writeFileSync(image, "");
    truncateSync(image, sizeMiB * 1024 * 1024);
    this.#device = execFileSync("losetup", ["--find", "--show", image], { encoding: "utf8" }).trim();
    scratch.onClose(async () => {
      await this.unmount();
      execFileSync("losetup", ["--detach", this.#device]);
    });
  }

  /** A new, empty file system. */
  async format(): Promise<void> {
    await this.unmount();
    const quickly = "lazy_itable_init=1,lazy_journal_init=1,nodiscard";
    execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", "-I", "128", "-E", quickly, this.#device], {
      stdio: "ignore",
    });
    this.mount();
  }

  mount(): void {
    execFileSync("mount", ["-o", "commit=300", this.#device, this.point]);
    this.#isMounted = true;
    this.#breaker = new PowerSwitch(this.point);
  }

  /** What the kernel does after an error: everything is read-only from now on. Not to be undone but by `unmount`. */
  abort(): void {
    execFileSync("mount", ["-o", "remount,abort", this.point]);
  }

  /** From now on nothing reaches the device: what has not been synced is lost. Resolves when that is so. */
  async cut(): Promise<void> {
    await this.#breaker?.turnOff();
  }

  /** Nothing may have a file of it open. */
  async unmount(): Promise<void> {
    await this.#breaker?.leave();
    this.#breaker = undefined;
    if (this.#isMounted) execFileSync("umount", [this.point]);
    this.#isMounted = false;
  }
}

/** An xfs_io (it does this to ext4, too) that waits for its command: to start one takes longer than a commit. */
class PowerSwitch {
  readonly #child;
  readonly #ended: Promise<unknown>;

  constructor(point: string) {
    this.#child = spawn("xfs_io", ["-x", point], { stdio: ["pipe", "ignore", "ignore"] });
    this.#ended = once(this.#child, "exit");
  }

  async turnOff(): Promise<void> {
    this.#child.stdin.end("shutdown\n");
    await this.#ended;
  }

  async leave(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }
}
