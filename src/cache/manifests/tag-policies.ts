import { compileGlob, type Tag } from "../../oci/index.ts";
import type { TagPolicy } from "./freshness.ts";

/** The policy for tags that `match` (a glob) matches; of several the first holds. */
export interface TagPattern extends TagPolicy {
  match: string;
}

/** What holds for a tag of one upstream: the first pattern that matches it, or else the plain policy. */
export function createTagPolicies(plain: TagPolicy, patterns: readonly TagPattern[]): (tag: Tag) => TagPolicy {
  const compiled = patterns.map((policy) => ({ glob: compileGlob(policy.match), policy }));
  return (tag) => compiled.find(({ glob }) => glob.matches(tag))?.policy ?? plain;
}
