import type { Digest } from "./digest.ts";
import type { Reference } from "./reference.ts";
import type { RepositoryName } from "./repository-name.ts";

/** What one request of a push is about (distribution-spec, "Push" and "Content Management"). */
export type PushOperation =
  /** An upload begins (end-4, end-11); with `digest` it is all of it, with `mount` perhaps none is needed. */
  | { kind: "start"; digest: Digest | undefined; mount: Mount | undefined }
  /** An upload goes on, ends, is asked about or given up (end-5, end-6, end-13). */
  | { kind: "upload"; id: string; digest: Digest | undefined }
  /** A manifest is written, deleted, or looked for (end-7, end-9, end-3). */
  | { kind: "manifest"; reference: Reference }
  /** A blob is deleted or looked for (end-10, end-2). */
  | { kind: "blob"; digest: Digest };

/** A blob that the registry may have already; `from` is a repository of the same upstream, undefined for any. */
export interface Mount {
  digest: Digest;
  from: RepositoryName | undefined;
}
