import { seededBlob, type Payload, type PushedImage, type TestUpstream } from "../../../upstream/index.ts";
import type { Asset } from "../warming.ts";

/** How often blobs of a size are asked for. */
interface SizeClass {
  kind: "small blobs" | "large blobs";
  /** Of 1,000 GETs of blobs. */
  share: number;
  fromBytes: number;
  toBytes: number;
  /** How many different ones there are. */
  blobs: number;
}

const most = 64 * 1024 * 1024;

/**
 * Of the blobs that clients of large registries get, 65 of 100 have less than 1 MB, 80 less than 10 MB, and 5.9 more than
 * 64 MiB. Those last ones are cut to 64 MiB, so that several copies of everything fit into a small machine's page cache.
 */
export const sizeClasses: readonly SizeClass[] = [
  { kind: "small blobs", share: 650, fromBytes: 2000, toBytes: 1e6, blobs: 600 },
  { kind: "large blobs", share: 150, fromBytes: 1e6, toBytes: 1e7, blobs: 120 },
  { kind: "large blobs", share: 141, fromBytes: 1e7, toBytes: most, blobs: 48 },
  { kind: "large blobs", share: 59, fromBytes: most, toBytes: most, blobs: 16 },
];

const images = 300;
export const tag = "1";

/** An image, and the place in `sizeClasses` of each of its layers. */
export interface MixImage {
  repository: string;
  image: PushedImage;
  classes: readonly number[];
}

interface Layer {
  payload: Payload;
  sizeClass: number;
}

/** Pushes images that share nothing, each under a name of its own; a twentieth of all where it has to be quick. */
export function pushImages(upstream: TestUpstream, isShort: boolean): MixImage[] {
  const scale = isShort ? 20 : 1;
  const planned: Layer[][] = Array.from({ length: images / scale }, () => []);
  for (const [at, layer] of plannedLayers(scale).entries()) planned[at % planned.length]?.push(layer);
  return planned.map((own, at) => {
    const repository = `library/mix-${at}`;
    const image = upstream.pushImage(repository, tag, { layers: own.map(({ payload }) => payload) });
    return { repository, image, classes: own.map(({ sizeClass }) => sizeClass) };
  });
}

/** Within a class, sizes are even on a scale of magnitudes. */
function plannedLayers(scale: number): Layer[] {
  return sizeClasses.flatMap(({ fromBytes, toBytes, blobs }, sizeClass) => {
    const count = Math.ceil(blobs / scale);
    return Array.from({ length: count }, (_, at) => {
      const bytes = Math.round((fromBytes * (toBytes / fromBytes) ** ((at + 0.5) / count)) / scale);
      return { sizeClass, payload: seededBlob(`mix ${sizeClass} ${at}`, bytes) };
    });
  });
}

/** Everything of an image that may be asked for. */
export function assetsOf({ repository, image }: MixImage): Asset[] {
  const { digest, manifest, layers } = image;
  const home = `/v2/${repository}`;
  return [
    ...[tag, digest].map((reference) => ({ path: `${home}/manifests/${reference}`, digest, bytes: manifest.length })),
    ...layers.map((layer) => ({ path: `${home}/blobs/${layer.digest}`, digest: layer.digest, bytes: layer.size })),
  ];
}
