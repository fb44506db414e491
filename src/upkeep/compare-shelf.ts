import type { FoundFile } from "../blobstore/index.ts";
import type { FileRow } from "../metadata/index.ts";
import { maxManifestBytes, type Digest } from "../oci/index.ts";

/** Files up to this size are adopted first: every manifest is among them. */
const maxSmallBytes = maxManifestBytes;

/** Where files and rows disagree. What is found here is looked at again, under the lock of its digest, before it is acted on. */
export interface Disagreement {
  /** Paths of what has no business there. */
  strangers: string[];
  /** Rows that say a file is here. */
  missing: Digest[];
  /** Files with another size than their rows say. */
  resized: { digest: Digest; size: number }[];
  /** Files that the index does not know. */
  unknown: { small: Digest[]; large: Digest[] };
}

/**
 * Compares what was found on a shelf with its rows, which were read after it: a file that a fill commits in between is
 * `missing` or `unknown` at worst, and never seen as absent. Doomed files are the business of eviction.
 */
export function compareShelf(files: readonly FoundFile[], rows: readonly FileRow[]): Disagreement {
  const found: Disagreement = { strangers: [], missing: [], resized: [], unknown: { small: [], large: [] } };
  const rowsLeft = new Map(rows.map((row) => [row.digest, row]));
  for (const { path, digest, size } of files) {
    if (!digest) {
      found.strangers.push(path);
      continue;
    }
    const row = rowsLeft.get(digest);
    rowsLeft.delete(digest);
    if (!row || row.state === "known") {
      found.unknown[size <= maxSmallBytes ? "small" : "large"].push(digest);
    } else if (row.state === "present" && row.size !== undefined && row.size !== size) {
      found.resized.push({ digest, size: row.size });
    }
  }
  for (const { digest, state } of rowsLeft.values()) if (state === "present") found.missing.push(digest);
  return found;
}
