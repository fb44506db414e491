import type { TestUpstream } from "../../../upstream/index.ts";
import { Random } from "../../store/random.ts";
import type { Target } from "../load/protocol.ts";
import type { Asset } from "../warming.ts";
import { assetsOf, pushImages, sizeClasses, tag, type MixImage } from "./images.ts";

/** Real traffic: what clients ask for, in an order that is the same each time. */
export interface Mix {
  repositories: readonly string[];
  /** Everything that may be asked for, once. */
  assets: readonly Asset[];
  targets: readonly Target[];
  /** Places in `targets`. */
  order: readonly number[];
}

/** Of 99 requests: most checks of a manifest are followed by no pull of a layer. */
const shares = { head: 12, manifest: 53, blob: 34 };
const drawn = 20_000;
const seed = 7;

/** Images are asked for by Zipf's law, as 1/n; so are the blobs of each size. */
export function pushMix(upstream: TestUpstream, isShort: boolean): Mix {
  const images = pushImages(upstream, isShort);
  const random = new Random(seed);
  const blobs = blobsByClass(images, random);
  const targets = new Map<string, { target: Target; place: number }>();
  const order = Array.from({ length: drawn }, () => {
    const target = draw(images, blobs, random);
    const key = `${target.method} ${target.path}`;
    const known = targets.get(key) ?? { target, place: targets.size };
    targets.set(key, known);
    return known.place;
  });
  return {
    repositories: images.map(({ repository }) => repository),
    assets: images.flatMap(assetsOf),
    targets: [...targets.values()].map(({ target }) => target),
    order,
  };
}

/** The requests of some kinds alone, in the same order. */
export function onlyOf(mix: Mix, isKept: (target: Target) => boolean): Mix {
  return { ...mix, order: mix.order.filter((place) => isKept(at(mix.targets, place))) };
}

export function meanBlobBytes({ targets, order }: Mix): number {
  const sizes = order.map((place) => at(targets, place)).filter(({ kind }) => kind !== "manifests");
  return sizes.reduce((sum, { bytes }) => sum + bytes, 0) / sizes.length;
}

function draw(images: readonly MixImage[], blobs: readonly Target[][], random: Random): Target {
  const { head, manifest, blob } = shares;
  const kind = random.below(head + manifest + blob);
  if (kind >= head + manifest) return drawBlob(blobs, random);
  const method = kind < head ? "HEAD" : "GET";
  const { repository, image } = at(images, random.zipfBelow(images.length));
  // Clients check a tag with HEAD; what they GET is the tag, or the digest that HEAD has told.
  const reference = method === "HEAD" || random.below(2) === 0 ? tag : image.digest;
  const path = `/v2/${repository}/manifests/${reference}`;
  return { method, path, bytes: image.manifest.length, kind: "manifests" };
}

function drawBlob(blobs: readonly Target[][], random: Random): Target {
  let left = random.below(sizeClasses.reduce((sum, { share }) => sum + share, 0));
  const sizeClass = sizeClasses.findIndex(({ share }) => (left -= share) < 0);
  const ofClass = blobs[sizeClass] ?? [];
  return at(ofClass, random.zipfBelow(ofClass.length));
}

/** Those of a class in the order in which they are liked, which has nothing to do with their size. */
function blobsByClass(images: readonly MixImage[], random: Random): Target[][] {
  const blobs: Target[][] = sizeClasses.map(() => []);
  for (const { repository, image, classes } of images) {
    for (const [place, { digest, size }] of image.layers.entries()) {
      const sizeClass = classes[place] ?? 0;
      const kind = sizeClasses[sizeClass]?.kind ?? "";
      blobs[sizeClass]?.push({ method: "GET", path: `/v2/${repository}/blobs/${digest}`, bytes: size, kind });
    }
  }
  for (const ofClass of blobs) shuffle(ofClass, random);
  return blobs;
}

function shuffle(items: Target[], random: Random): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [items[last], items[other]] = [at(items, other), at(items, last)];
  }
}

/** An item that is there. */
function at<T>(items: readonly T[], place: number): T {
  return items[place] as T;
}
