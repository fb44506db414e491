import type { ListedTag, TagPlace } from "../metadata/index.ts";
import { formatImageName } from "../oci/index.ts";

/** The canonical name of a tag. */
export function nameOf({ repository: { upstream, name }, tag }: Pick<ListedTag, "repository" | "tag">): string {
  return formatImageName({ upstream, repository: name, reference: { kind: "tag", tag } });
}

/** Where a tag stands in the list. */
export function placeOf({ repository: { upstream, name }, tag }: Pick<ListedTag, "repository" | "tag">): TagPlace {
  return { upstream, name, tag };
}

/** The order of the list: upstream, repository, tag, as bytes. Negative where `one` comes first. */
export function comparePlaces(one: TagPlace, other: TagPlace): number {
  return (
    compareText(one.upstream, other.upstream) || compareText(one.name, other.name) || compareText(one.tag, other.tag)
  );
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
