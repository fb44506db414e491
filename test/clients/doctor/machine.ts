// A machine of whose /etc some directories are a test's own: a mount namespace in which they are laid over the real ones.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { binary } from "../child-processes.ts";

/** Files by their absolute paths on that machine; a path that ends in `/` is an empty directory. */
export type MachineFiles = Readonly<Record<string, string>>;

export class Machine {
  /** Where its `/` is here, as the doctor is told by `--root`. */
  readonly root: string;
  readonly #overlaid: string;

  /** @param overlaid the directory of which nothing of this machine is to be seen, such as `/etc/docker` */
  constructor(root: string, overlaid: string) {
    this.root = root;
    this.#overlaid = overlaid;
  }

  write(files: MachineFiles): void {
    for (const [path, text] of Object.entries(files)) {
      const target = join(this.root, path);
      mkdirSync(path.endsWith("/") ? target : dirname(target), { recursive: true });
      if (!path.endsWith("/")) writeFileSync(target, text);
    }
  }

  clear(): void {
    rmSync(this.root, { recursive: true, force: true });
    mkdirSync(join(this.root, this.#overlaid), { recursive: true });
  }

  /** The command and its arguments, to be run on that machine; its process is the command itself. */
  command(program: string, args: readonly string[]): [string, string[]] {
    const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
    const overlay = [join(this.root, this.#overlaid), this.#overlaid];
    return [binary("unshare"), ["--mount", "/bin/sh", "-c", script, "sh", ...overlay, program, ...args]];
  }
}
