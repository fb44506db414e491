import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const version = "20.19.5";

/** A Node that is too old for entrepot: this machine's own where it is, else one from npm put into `directory`. */
export async function olderNode(directory: string): Promise<string> {
  for (const node of ["/usr/bin/node", "/usr/local/bin/node"]) {
    const { stdout } = await run(node, ["--version"]).catch(() => ({ stdout: "" }));
    const major = Number(/^v(\d+)\./.exec(stdout)?.[1] ?? Infinity);
    if (major < 24) return node;
  }
  const name = `node-${process.platform}-${process.arch}`;
  await run("npm", ["install", "--no-save", "--prefix", directory, `${name}@${version}`]);
  return join(directory, "node_modules", name, "bin", "node");
}
