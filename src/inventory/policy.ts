import type { ListedTag, RepositoryKey } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

/** What is decided above this room about what may be served. */
export interface Policy {
  access: "open" | "basic" | "upstream";
  /** Why nobody gets anything of a repository, in words; undefined where people do. */
  refusal(repository: RepositoryKey): string | undefined;
  isDenied(digest: Digest): boolean;
  /** Until when a tag that nobody confirms any more is served, in ms since the epoch; Infinity for ever, 0 for one that is gone. */
  servedUntil(tag: Pick<ListedTag, "repository" | "tag" | "checkedAt" | "goneSince">): number;
  /** Pins that hold a manifest, as they were written. */
  pinsOf(manifest: ListedTag["root"]): string[];
}
