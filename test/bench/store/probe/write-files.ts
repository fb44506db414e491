import { closeSync, openSync, writeSync } from "node:fs";
import { blobPath } from "../../../../src/blobstore/index.ts";
import { Releases, type PlannedBlob } from "../releases.ts";
import type { Probes } from "./protocol.ts";

/** Writes the files of a generated store, or those of them that are named. */
export function writeFiles({
  directory,
  blobs,
  seed,
  only,
}: Probes["files"]["ask"]): Promise<Probes["files"]["answer"]> {
  const wanted = only && new Set(only);
  let written = 0;
  for (const { manifests } of new Releases(blobs, seed).all()) {
    for (const file of manifests.flatMap((manifest) => [manifest, ...manifest.blobs])) {
      if (wanted && !wanted.has(file.digest)) continue;
      writeFile(directory, file);
      written += 1;
    }
  }
  return Promise.resolve({ written });
}

function writeFile(directory: string, { digest, bytes }: PlannedBlob): void {
  const descriptor = openSync(blobPath(directory, digest), "wx", 0o444);
  try {
    writeSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}
