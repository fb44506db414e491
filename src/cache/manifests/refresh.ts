import type { Metadata } from "../../metadata/index.ts";
import { RegistryError, type Digest, type Tag } from "../../oci/index.ts";
import type { ManifestAnswer } from "../answers.ts";
import type { Source } from "../source.ts";
import type { Tags } from "./tags.ts";

/** What asking the upstream about a tag has come to. */
export interface Refreshed {
  /** What the tag named here, and what it names now; undefined for nothing. */
  before: Digest | undefined;
  after: Digest | undefined;
  /** `filled`: it was not here; `kept`: what the upstream says is not followed, and `why` says why not. */
  outcome: "unchanged" | "moved" | "filled" | "absent" | "kept";
  why: ManifestAnswer["flag"] | "not-stored";
}

/** @throws RegistryError where the upstream does not say */
export async function refresh(
  { source, tag }: { source: Source; tag: Tag },
  { index, tags }: { index: Metadata; tags: Tags },
): Promise<Refreshed> {
  const row = index.tag(source.key, tag);
  if (row?.held) return { before: row.held, after: row.held, outcome: "kept", why: "rolled-back" };
  const before = row?.manifest;
  const answer = await tags.checked({ source, tag, method: "GET", mustCheck: true }).catch((error: unknown) => {
    if (error instanceof RegistryError && error.code === "MANIFEST_UNKNOWN") return undefined;
    throw error;
  });
  if (!answer) return { before, after: undefined, outcome: "absent", why: undefined };
  const { outcome, digest, flag: why } = answer;
  if (outcome === "stale") return { before, after: digest, outcome: "kept", why };
  if (outcome === "uncached") return { before, after: before, outcome: "kept", why: "not-stored" };
  if (digest === before) return { before, after: digest, outcome: "unchanged", why };
  return { before, after: digest, outcome: before === undefined ? "filled" : "moved", why };
}
