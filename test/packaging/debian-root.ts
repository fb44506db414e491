import { chmod, cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { binary, type ChildProcesses } from "../clients/child-processes.ts";

/** The Node that the project's own package brings: the one that npm scripts run on. */
const nodeBinary = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");

/** The smallest Debian of this machine's own suite, from the mirror that its apt uses, in `directory`. */
export async function makeDebianRoot(processes: ChildProcesses, directory: string): Promise<void> {
  const { suite, mirror } = await ownRelease(processes);
  const debootstrap = ["--variant=minbase", suite, directory, mirror];
  await processes.run(binary("debootstrap"), debootstrap, { timeoutMs: 280_000 });
  for (const path of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    for (const name of await readdir(join(directory, path))) await rm(join(directory, path, name), { recursive: true });
  }
}

/** What is in `node:24-slim` besides Debian: Node and npm below `/usr/local`. */
export async function addNode(processes: ChildProcesses, directory: string): Promise<void> {
  const local = join(directory, "usr", "local");
  await cp(nodeBinary, join(local, "bin", "node"));
  await chmod(join(local, "bin", "node"), 0o755);
  const modules = (await processes.run(binary("npm"), ["root", "--global"])).trim();
  await mkdir(join(local, "lib", "node_modules"), { recursive: true });
  await cp(join(modules, "npm"), join(local, "lib", "node_modules", "npm"), { recursive: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin", "npm"));
}

async function ownRelease(processes: ChildProcesses): Promise<{ suite: string; mirror: string }> {
  const suite = (await processes.run("/bin/sh", ["-c", ". /etc/os-release && echo $VERSION_CODENAME"])).trim();
  const words = ["indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main"];
  const sources = (await processes.run(binary("apt-get"), words)).split("\n").map((line) => line.split(" "));
  const mirror = sources.find(([release]) => release === suite)?.[1];
  if (mirror === undefined) throw new Error(`apt has no source of ${suite}`);
  return { suite, mirror };
}
