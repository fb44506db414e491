import { isComplete, isHere, type ManifestFact, type Snapshot } from "./snapshot.ts";

/** A pin as an operator puts it, and which tags it means, in the words of this model. */
export interface PinPlan {
  image: string;
  platforms: readonly string[] | undefined;
  holdsTag: (name: string) => boolean;
  /** Of a pin by digest. */
  digest?: string;
}

/** An image that was complete while something held it: from then on it has to stay so. */
export interface Protected {
  /** The pin's image, or the tag of a rollback. */
  by: string;
  /** The tag, `model/one:a`; undefined where a digest is pinned. */
  tag: string | undefined;
  /** What the tag named. */
  top: string;
  /** The platform's manifest, or the same. */
  image: string;
}

/** All complete images that a pin or a rollback holds now. */
export function protectedBy(pins: Iterable<PinPlan>, snapshot: Snapshot): Protected[] {
  const found: Protected[] = [];
  const add = (by: string, tag: string | undefined, top: string, platforms: readonly string[] | undefined): void => {
    for (const image of imagesOf(snapshot, top, platforms)) {
      if (isComplete(snapshot, image)) found.push({ by, tag, top, image });
    }
  };
  for (const pin of pins) {
    if (pin.digest !== undefined) add(pin.image, undefined, pin.digest, pin.platforms);
    for (const [name, { manifest }] of snapshot.tags) {
      if (manifest !== undefined && pin.holdsTag(name)) add(pin.image, name, manifest, pin.platforms);
    }
  }
  for (const [name, { held }] of snapshot.tags)
    if (held !== undefined) add(`rollback of ${name}`, name, held, undefined);
  return found;
}

/** Whether a protection has ended: by unpinning, by a release, or because what the tag names now is as complete. */
export function isReleased(entry: Protected, pins: ReadonlyMap<string, PinPlan>, snapshot: Snapshot): boolean {
  const pin = pins.get(entry.by);
  if (entry.tag === undefined) return !pin;
  const row = snapshot.tags.get(entry.tag);
  if (!pin) return row?.held !== entry.top;
  // A tag that the upstream has dropped names nothing any more.
  if (row?.manifest === undefined) return true;
  return row.manifest !== entry.top && covers(snapshot, row.manifest, entry, pin.platforms);
}

function covers(
  snapshot: Snapshot,
  later: string,
  { top, image }: Protected,
  platforms: PinPlan["platforms"],
): boolean {
  const node = snapshot.manifests.get(later);
  const earlier = snapshot.manifests.get(top);
  if (node?.kind !== "index" || earlier?.kind !== "index") return isComplete(snapshot, later);
  const wanted = earlier.children.filter(
    (child) => isWanted(child.platform, platforms) && isComplete(snapshot, child.digest),
  );
  return (
    wanted.some(({ digest }) => digest === image) &&
    wanted.every(({ platform }) =>
      node.children.some((child) => child.platform === platform && isComplete(snapshot, child.digest)),
    )
  );
}

function imagesOf(snapshot: Snapshot, top: string, platforms: readonly string[] | undefined): string[] {
  const manifest = snapshot.manifests.get(top);
  if (manifest?.kind !== "index") return [top];
  return manifest.children.filter(({ platform }) => isWanted(platform, platforms)).map(({ digest }) => digest);
}

function isWanted(platform: string | null, platforms: readonly string[] | undefined): boolean {
  return !platforms || platform === null || platforms.includes(platform);
}

/** Digests that a protected image needs. */
export function neededBy(entry: Protected, snapshot: Snapshot): string[] {
  const manifest: ManifestFact | undefined = snapshot.manifests.get(entry.image);
  return [entry.top, entry.image, ...(manifest?.blobs ?? [])];
}

/** What a protected image has lost. An index that was spoilt, and is noticed to be gone, goes on protecting its images. */
export function missingOf(entry: Protected, before: Snapshot, after: Snapshot): string[] {
  return neededBy(entry, before).filter((digest) => isHere(before, digest) && !isHere(after, digest));
}
