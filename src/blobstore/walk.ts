import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { parseDigest, type Digest, type DigestAlgorithm } from "../oci/index.ts";
import { algorithms, fanOut } from "./layout.ts";

/** What lies in a directory of `blobs/`. */
export interface FoundFile {
  path: string;
  /** The digest whose place this is; undefined for a name, a place or a kind of file that has no business there. */
  digest: Digest | undefined;
  /** Bytes. */
  size: number;
  /** When its bytes were last written, in ms since the epoch. */
  modifiedAt: number;
}

/** One of the directories that the files of a store are spread over; all digests in it begin with `prefix`. */
export interface Shelf {
  algorithm: DigestAlgorithm;
  /** Two hex digits. */
  prefix: string;
}

export const shelves: readonly Shelf[] = algorithms.flatMap((algorithm) =>
  fanOut.map((prefix) => ({ algorithm, prefix })),
);

/** All that lies on one shelf of the store in `directory`. Synchronous: for worker threads. */
export function listShelf(directory: string, { algorithm, prefix }: Shelf): FoundFile[] {
  const place = join(directory, "blobs", algorithm, prefix);
  return readdirSync(place).flatMap((name) => {
    const path = join(place, name);
    const status = statIfThere(path);
    if (!status) return [];
    const isBlob = status.isFile() && name.startsWith(prefix);
    const digest = isBlob ? parseDigest(`${algorithm}:${name}`) : undefined;
    return [{ path, digest, size: status.size, modifiedAt: status.mtimeMs }];
  });
}

/** A file may go between the listing and the look at it. */
function statIfThere(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
