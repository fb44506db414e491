import { platformMatches, type Digest, type ManifestEdge } from "../oci/index.ts";

/** Which images of an index are wanted: those for these platforms, all, or what suits best where nobody has said. */
export type WantedPlatforms = readonly string[] | "all" | undefined;

/** Where nothing of a tag is here yet. */
const usual = ["linux/amd64", "linux/arm64"];

/** An index has none of the platforms that are wanted. */
export class PlatformMissing extends Error {
  override readonly name = "PlatformMissing";
  readonly kind = "platform-missing";
}

/**
 * The images of an index to be fetched. Where nobody has said: those for the platforms that are `here` for the tag already;
 * else the usual ones; else all.
 * @throws PlatformMissing where one that was asked for is not there
 */
export function chooseChildren(
  children: readonly ManifestEdge[],
  wanted: WantedPlatforms,
  here: readonly string[],
): { digest: Digest; size: number }[] {
  if (wanted === "all") return [...children];
  const forPlatforms = (platforms: readonly string[]): ManifestEdge[] =>
    children.filter(({ platform }) => platforms.some((one) => platformMatches(one, platform)));
  if (wanted !== undefined) {
    const missing = wanted.filter((one) => forPlatforms([one]).length === 0);
    if (missing.length > 0) throw new PlatformMissing(missingWords(missing, children));
    return forPlatforms(wanted);
  }
  const chosen = [forPlatforms(here), forPlatforms(usual)].find((found) => found.length > 0);
  return chosen ?? [...children];
}

function missingWords(missing: readonly string[], children: readonly ManifestEdge[]): string {
  const has = [...new Set(children.flatMap(({ platform = "unknown/unknown" }) => platform))];
  const known = has.filter((platform) => platform !== "unknown/unknown");
  return `it has no ${missing.join(", ")}, only ${known.length === 0 ? "images without a platform" : known.join(", ")}`;
}
