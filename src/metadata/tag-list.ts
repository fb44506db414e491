import type { Tag } from "../oci/index.ts";
import type { ManifestNode } from "./graph.ts";
import type { RepositoryKey } from "./rows.ts";

/** A tag in the order of the list. Any text: a place need not exist. */
export interface TagPlace {
  upstream: string;
  name: string;
  tag: string;
}

/** A tag with the manifest that is served for it: the one that it is held at, or else its own. */
export interface ListedTag {
  repository: RepositoryKey;
  tag: Tag;
  /** Ms since the epoch, as in `TagRow`. */
  checkedAt: number;
  goneSince: number | undefined;
  isHeld: boolean;
  root: ManifestNode & { mediaType: string; storedAt: number | undefined };
}

/** All tags that have a manifest, in the order of upstream, repository and tag. */
export interface TagList {
  /** Those behind a place, at most `limit`; in the other direction those before it. The ends where no place is given. */
  page(from: { after: TagPlace | undefined; limit: number; isDescending?: boolean }): ListedTag[];
  tag(repository: RepositoryKey, tag: Tag): ListedTag | undefined;
  count(): number;
}
