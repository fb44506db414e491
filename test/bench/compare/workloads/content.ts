import { seededBlob, type PushedImage, type TestUpstream } from "../../../upstream/index.ts";
import type { Copied } from "../origin.ts";
import type { Stage } from "../stage.ts";
import { openStage } from "../stage.ts";
import type { Asset } from "../warming.ts";
import type { Opening } from "../workload.ts";

export const repository = "library/bench";

/** A stage whose origin holds one image, under as many tags as asked for. */
export interface ImageStage {
  stage: Stage;
  image: PushedImage;
  byTag: Asset[];
  byDigest: Asset;
  layers: Asset[];
}

export async function openImageStage(how: Opening, layerBytes: readonly number[], tags = 1): Promise<ImageStage> {
  const names = Array.from({ length: tags }, (_, at) => `v${at}`);
  const pushed = Promise.withResolvers<PushedImage>();
  const stage = await openStage(how, (upstream) => {
    pushed.resolve(push(upstream, layerBytes, names));
    return names.map((tag): Copied => ({ repository, tag }));
  });
  const image = await pushed.promise;
  const manifest = { digest: image.digest, bytes: image.manifest.length };
  return {
    stage,
    image,
    byTag: names.map((tag) => ({ path: `/v2/${repository}/manifests/${tag}`, ...manifest })),
    byDigest: { path: `/v2/${repository}/manifests/${image.digest}`, ...manifest },
    layers: image.layers.map(({ digest, size }) => ({
      path: `/v2/${repository}/blobs/${digest}`,
      digest,
      bytes: size,
    })),
  };
}

function push(upstream: TestUpstream, layerBytes: readonly number[], tags: readonly string[]): PushedImage {
  const layers = layerBytes.map((bytes, at) => seededBlob(`bench ${at} of ${bytes}`, bytes));
  const image = upstream.pushImage(repository, tags[0], { layers });
  for (const tag of tags) upstream.tag(repository, tag, image.digest);
  return image;
}
