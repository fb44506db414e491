import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of `blobs/` and what its bytes say. */
export interface StoredFile {
  /** Relative to the data directory. */
  path: string;
  digest: string;
  size: number;
  /** Whether it lies where its bytes belong. */
  isRight: boolean;
}

/** Everything below `blobs/`; not there yet counts as empty. */
export function storedFiles(directory: string): StoredFile[] {
  return namesIn(join(directory, "blobs")).flatMap((algorithm) =>
    namesIn(join(directory, "blobs", algorithm)).flatMap((prefix) =>
      namesIn(join(directory, "blobs", algorithm, prefix)).map((name) => {
        const path = join("blobs", algorithm, prefix, name);
        const bytes = readFileSync(join(directory, path));
        const isRight = name.startsWith(prefix) && createHash(algorithm).update(bytes).digest("hex") === name;
        return { path, digest: `${algorithm}:${name}`, size: bytes.length, isRight };
      }),
    ),
  );
}

export function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
