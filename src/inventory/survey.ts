import { bytesOfTree, type ListedTag, type TagPlace } from "../metadata/index.ts";
import { lasting, rulesFor, servedUntil, type DescribePorts } from "./describe.ts";
import { platformsOf } from "./platforms.ts";
import { isComplete, type PlatformFlags } from "./readiness.ts";
import { placeOf } from "./tag-name.ts";

const pageSize = 100;

/** What a tag is sorted and chosen by. */
export interface SurveyedTag {
  place: TagPlace;
  lastPulledAt: number;
  firstFetchedAt: number;
  bytes: number;
  uniqueBytes: number;
  platforms: readonly PlatformFlags[];
  /** Until when it is served without its upstream, as far as it is complete; 0 where it is not at all. */
  servedUntil: number;
}

type RootFacts = Pick<SurveyedTag, "bytes" | "uniqueBytes" | "platforms">;

/** Looks at every tag in the order of the list. A generator, so that the caller can give way to others. */
export function* survey(ports: Pick<DescribePorts, "index" | "policy">): Generator<undefined, SurveyedTag[]> {
  const surveyed: SurveyedTag[] = [];
  const factsOf = rememberedFacts(ports);
  for (const tag of allTags(ports.index.tagList)) {
    yield;
    const { root, repository } = tag;
    surveyed.push({
      place: placeOf(tag),
      lastPulledAt: root.accessedAt,
      firstFetchedAt: root.storedAt ?? 0,
      ...factsOf(tag),
      servedUntil: lasting(repository, root, ports) === undefined ? servedUntil(tag, ports.policy) : 0,
    });
  }
  return surveyed;
}

/** All tags behind a place, or before it. */
export function* allTags(
  list: DescribePorts["index"]["tagList"],
  { after, isDescending = false }: { after?: TagPlace | undefined; isDescending?: boolean } = {},
): Generator<ListedTag> {
  let page = list.page({ after, limit: pageSize, isDescending });
  while (page.length > 0) {
    yield* page;
    const last = page.at(-1);
    page = list.page({ after: last && placeOf(last), limit: pageSize, isDescending });
  }
}

export function isReady(tag: SurveyedTag, wanted: readonly string[] | undefined, now: number): boolean {
  return now < tag.servedUntil && isComplete(tag.platforms, wanted);
}

/** Many tags name the same manifest, and most have one of few sets of platforms: each is kept once. */
function rememberedFacts({ index, policy }: Pick<DescribePorts, "index" | "policy">): (tag: ListedTag) => RootFacts {
  const known = new Map<string, RootFacts>();
  const sets = new Map<string, readonly PlatformFlags[]>();
  return ({ repository, root }) => {
    // With passwords of our own the same manifest may be complete in one repository and not in another.
    const key = policy.access === "open" ? String(root.id) : `${root.id} ${repository.upstream}/${repository.name}`;
    const before = known.get(key);
    if (before) return before;
    const edges = index.graph.tree(root.id);
    const flags = platformsOf(root, edges, rulesFor(repository, { index, policy })).map(
      ({ platform, isBegun, isComplete: isWhole }): PlatformFlags => ({ platform, isBegun, isComplete: isWhole }),
    );
    const set = JSON.stringify(flags);
    const platforms = sets.get(set) ?? flags;
    sets.set(set, platforms);
    const { bytes, uniqueBytes } = bytesOfTree(root, edges);
    const facts = { bytes, uniqueBytes, platforms };
    known.set(key, facts);
    return facts;
  };
}
