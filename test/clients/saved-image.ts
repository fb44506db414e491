// Reads what `docker save` and `podman save` write: the layers as they were unpacked and packed again.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binary, type ChildProcesses } from "./child-processes.ts";
import { digestOf } from "./fixture-image.ts";

/** Digests of the uncompressed layers, in order; equal to the configuration's diff ids if nothing was altered. */
export async function savedLayerDigests(processes: ChildProcesses, archive: string): Promise<string[]> {
  const directory = `${archive}.d`;
  mkdirSync(directory, { recursive: true });
  try {
    await processes.run(binary("tar"), ["-xf", archive, "-C", directory]);
    const [saved] = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as [{ Layers: string[] }];
    return saved.Layers.map((path) => digestOf(readFileSync(join(directory, path))));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
