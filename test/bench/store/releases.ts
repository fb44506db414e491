import { digestOf, mediaTypes, type Digest } from "../../../src/oci/index.ts";
import { Random } from "./random.ts";

/** Changes with anything here that changes what is generated. */
export const generation = 1;

/** A file of the store. */
export interface PlannedBlob {
  digest: Digest;
  bytes: Buffer;
}

/** A manifest with the blobs that came with its first pull: what an earlier image has brought is not among them. */
export interface PlannedManifest extends PlannedBlob {
  blobs: PlannedBlob[];
}

/** What one tag names: an image, or an index and its images. The first manifest is the one that is tagged. */
export interface Release {
  repository: string;
  tag: string;
  manifests: PlannedManifest[];
}

/** Ten manifests and ninety other blobs: seven images, and an index of two. */
const blobsPerGroup = 100;
const imagesPerGroup = 9;
const ownLayersPerGroup = 80;
const layersPerBase = 2;
const groupsPerBase = 2;
const releasesPerRepository = 20;

/** Store sizes are multiples of this. */
const sizeStep = blobsPerGroup * groupsPerBase;

interface Layer extends PlannedBlob {
  isStored: boolean;
}

/**
 * The content of a store of `blobs` files, a tenth of them manifests: images of two base layers, which few or many share
 * (as 1/n), eight or nine layers of their own and a config; two in nine belong to an index. Layers and configs are random
 * bytes of 1 to 4 KiB, manifests are real ones. The same for the same seed.
 */
export class Releases {
  readonly #random: Random;
  readonly #blobs: number;
  readonly #noise: Buffer;
  readonly #bases: Layer[][] = [];
  #made = 0;

  constructor(blobs: number, seed: number) {
    if (blobs < sizeStep || blobs % sizeStep !== 0) throw new Error(`a store has a multiple of ${sizeStep} blobs`);
    this.#blobs = blobs;
    this.#random = new Random(seed);
    this.#noise = this.#random.fill(Buffer.alloc(1024 * 1024));
  }

  *all(): Generator<Release> {
    for (let group = 0; group < this.#blobs / blobsPerGroup; group += 1) {
      if (group % groupsPerBase === 0) this.#bases.push(Array.from({ length: layersPerBase }, () => this.#layer()));
      // The newest base is used at once, so that no base is without an image.
      const images = Array.from({ length: imagesPerGroup }, (_, place) =>
        this.#image(place, place === 0 ? this.#bases.length - 1 : this.#random.zipfBelow(this.#bases.length)),
      );
      for (const image of images.slice(2)) yield this.#release([image]);
      const children = images.slice(0, 2);
      yield this.#release([this.#index(children), ...children]);
    }
  }

  #release(manifests: PlannedManifest[]): Release {
    const repositories = Math.ceil(((this.#blobs / blobsPerGroup) * (imagesPerGroup - 1)) / releasesPerRepository);
    this.#made += 1;
    return { repository: `bench/app-${this.#random.below(repositories)}`, tag: `v${this.#made}`, manifests };
  }

  #image(place: number, baseNumber: number): PlannedManifest {
    const base = this.#bases[baseNumber] ?? [];
    const share = Math.floor((ownLayersPerGroup * (place + 1)) / imagesPerGroup);
    const before = Math.floor((ownLayersPerGroup * place) / imagesPerGroup);
    const own = Array.from({ length: share - before }, () => this.#layer());
    const config = this.#blob();
    const manifest = document({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
      layers: [...base, ...own].map((layer) => descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")),
    });
    const fresh = base.filter((layer) => !layer.isStored);
    for (const layer of fresh) layer.isStored = true;
    return { ...manifest, blobs: [config, ...fresh, ...own] };
  }

  #index(images: PlannedManifest[]): PlannedManifest {
    const platforms = ["amd64", "arm64"].map((architecture) => ({ os: "linux", architecture }));
    const manifests = images.map((image, place) => ({
      ...descriptor(image, mediaTypes.ociManifest),
      platform: platforms[place],
    }));
    return { ...document({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }), blobs: [] };
  }

  #layer(): Layer {
    return { ...this.#blob(), isStored: false };
  }

  /** A number of its own in front, so that no two are the same. */
  #blob(): PlannedBlob {
    const size = 1024 + this.#random.below(3 * 1024);
    const bytes = Buffer.alloc(size);
    bytes.writeDoubleLE(this.#random.next());
    bytes.writeDoubleLE(this.#random.next(), 8);
    this.#noise.copy(bytes, 16, this.#random.below(this.#noise.length - size));
    return { digest: digestOf(bytes), bytes };
  }
}

function document(content: object): PlannedBlob {
  const bytes = Buffer.from(JSON.stringify(content));
  return { digest: digestOf(bytes), bytes };
}

function descriptor({ digest, bytes }: PlannedBlob, mediaType: string): object {
  return { mediaType, digest, size: bytes.length };
}
