import type { Digest } from "../oci/index.ts";
import type { BlobState } from "./rows.ts";

/** A row that says something of a file. */
export interface FileRow {
  digest: Digest;
  size: number | undefined;
  state: BlobState;
}

/** What upkeep asks of the index, on the caller's thread. Every method finds its rows by index. */
export interface Files {
  /** The rows of all digests that begin with `prefix`, for instance `sha256:ab`. */
  rowsUnder(prefix: string): FileRow[];
  /** Files that were last found right before `before`, the longest ago first. */
  toVerify(before: number, limit: number): { digest: Digest; size: number }[];
  doomed(limit: number): Digest[];
  /** Manifests whose bytes are here, page by page in the order of their ids. */
  manifestsAfter(id: number, limit: number): { id: number; digest: Digest }[];
  /** Whether edges are missing although their manifests may be here: after a rebuild, and after a change of format. */
  hasEdgesToRead(): boolean;
}
