import type { ListedTag, TreeEdge } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Missing, PlatformState } from "./images.ts";

/** Attestations stand in an index under this platform; nobody pulls them as an image. */
const attestation = "unknown/unknown";
const maxMissing = 20;

/** Whether a digest that is here may be served through the repository. */
export interface Rules {
  isProven: (digest: Digest) => boolean;
  isDenied: (digest: Digest) => boolean;
}

export interface PlatformFacts extends PlatformState {
  /** Whether its manifest has ever been fetched, and not left since. */
  isBegun: boolean;
  missing: Missing[];
  /** What is here, or would be, and nobody may have. */
  denied: Digest | undefined;
}

type Root = ListedTag["root"];
type Place = Pick<TreeEdge, "id" | "digest" | "state" | "size" | "platform"> & {
  kind: "image" | "index" | undefined;
};

/** The images below a manifest, by platform; or the manifest itself where it is one. @param edges - What `Graph.tree` says of it. */
export function platformsOf(root: Root, edges: readonly TreeEdge[], rules: Rules): PlatformFacts[] {
  const below = Map.groupBy(edges, ({ parent }) => parent);
  const leaves: Place[] = [];
  const visit = (place: Place, depth: number): void => {
    if (place.kind !== "index") {
      leaves.push(place);
      return;
    }
    for (const { manifest, platform, ...child } of depth > 4 ? [] : (below.get(place.id) ?? [])) {
      if (child.role !== "child" || platform === attestation) continue;
      visit({ ...child, platform: platform ?? place.platform, kind: manifest?.kind }, depth + 1);
    }
  };
  visit({ ...root, platform: undefined }, 0);
  const named = ({ platform = "", digest }: Place): string => `${platform} ${digest}`;
  return leaves
    .sort((one, other) => (named(one) < named(other) ? -1 : 1))
    .map((leaf) => factsOf(leaf, below.get(leaf.id) ?? [], rules));
}

function factsOf(leaf: Place, named: readonly TreeEdge[], { isProven, isDenied }: Rules): PlatformFacts {
  const { platform, digest } = leaf;
  const parts = named.filter(({ role }) => role !== "child");
  const isUsable = (part: { digest: Digest; state: string }): boolean =>
    part.state === "present" && isProven(part.digest);
  const missing = parts
    .filter((part) => !isUsable(part))
    .map((part): Missing => ({
      platform,
      digest: part.digest,
      what: part.role === "config" ? "config" : "layer",
      bytes: part.size,
    }));
  if (!isUsable(leaf)) missing.unshift({ platform, digest, what: "manifest", bytes: leaf.size });
  const denied = [leaf, ...parts].find((part) => isDenied(part.digest))?.digest;
  // One whose parts are not known cannot be said to have them all.
  const isKnown = parts.some(({ role }) => role === "config");
  return {
    platform,
    digest,
    isHere: leaf.state === "present",
    isBegun: leaf.kind !== undefined,
    isComplete: isKnown && missing.length === 0 && denied === undefined,
    missing: missing.slice(0, maxMissing),
    denied,
  };
}
