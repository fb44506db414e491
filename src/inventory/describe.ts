import { bytesOfTree, type ListedTag, type Metadata, type RepositoryKey, type TreeEdge } from "../metadata/index.ts";
import type { Image } from "./images.ts";
import { platformsOf, type Rules } from "./platforms.ts";
import type { Policy } from "./policy.ts";
import { readinessOf } from "./readiness.ts";

export interface DescribePorts {
  index: Metadata;
  policy: Policy;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What is shown of an image, and where it comes from. */
export interface Described {
  repository: RepositoryKey;
  root: ListedTag["root"];
  edges: readonly TreeEdge[];
  /** Undefined for an image by its digest. */
  tag: ListedTag | undefined;
  /** Its canonical name. */
  name: string;
}

/** An image as it is stored now. @param wanted - Platforms for which readiness is judged. */
export function describe(
  { repository, root, edges, tag, name }: Described,
  wanted: readonly string[] | undefined,
  ports: DescribePorts,
): Image {
  const platforms = platformsOf(root, edges, rulesFor(repository, ports));
  const obstacle = lasting(repository, root, ports) ?? (tag && staleness(tag, ports));
  const offlineReady = readinessOf(platforms, wanted, obstacle);
  if (root.kind === "index" && root.state !== "present") {
    offlineReady.missing.unshift({ platform: undefined, digest: root.digest, what: "manifest", bytes: root.size });
  }
  return {
    image: name,
    digest: root.digest,
    kind: root.kind,
    platforms: platforms.map(({ platform, digest, isHere, isComplete }) => ({ platform, digest, isHere, isComplete })),
    ...bytesOfTree(root, edges),
    firstFetchedAt: root.storedAt,
    checkedAt: tag?.checkedAt,
    lastPulledAt: root.accessedAt,
    pins: ports.policy.pinsOf(root),
    isHeld: tag?.isHeld ?? false,
    isGone: tag?.goneSince !== undefined,
    offlineReady,
  };
}

/** With passwords of our own a digest counts for a repository only if it was fetched or proven through it. */
export function rulesFor(repository: RepositoryKey, { index, policy }: Pick<DescribePorts, "index" | "policy">): Rules {
  return {
    isProven: (digest) => policy.access === "open" || index.isRecordedMember(repository, digest),
    isDenied: (digest) => policy.isDenied(digest),
  };
}

/** Why nothing of an image is served without its upstream, whatever the time, in words; undefined where it is. */
export function lasting(
  repository: RepositoryKey,
  root: Pick<ListedTag["root"], "digest" | "state">,
  { index, policy }: Pick<DescribePorts, "index" | "policy">,
): string | undefined {
  if (policy.access === "upstream") return "with access.mode upstream the registry is asked at every pull";
  const refusal = policy.refusal(repository);
  if (refusal !== undefined) return refusal;
  if (policy.isDenied(root.digest)) return `${root.digest} is denied here (denyDigests)`;
  if (root.state !== "present") return "its manifest is not here";
  return index.isMember(repository, root.digest) ? undefined : "its repository is not known to hold it";
}

function staleness(tag: ListedTag, { policy, now }: DescribePorts): string | undefined {
  if (now() < servedUntil(tag, policy)) return undefined;
  if (tag.goneSince !== undefined) return "the upstream has said that it is gone (tags.onGone)";
  return "the upstream last confirmed it longer ago than tags.staleFor";
}

/** Until when a tag is served without its upstream; a tag that is rolled back is for ever. */
export function servedUntil(tag: ListedTag, policy: Policy): number {
  return tag.isHeld ? Infinity : policy.servedUntil(tag);
}
