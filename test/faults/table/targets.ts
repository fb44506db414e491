import { seededBytes } from "../../upstream/index.ts";
import { upstreamName, type Bench } from "./bench.ts";

/** Above 1 MiB: the header goes out before the digest is known. */
export const largeBytes = 3_000_000;
/** At most 1 MiB: checked before the header goes out. */
export const smallBytes = 200_000;

/** What one row asks for, in a repository that no other row uses. */
export interface Wanted {
  repository: string;
  path: string;
  digest: string;
  bytes: Buffer;
  tag?: string;
}

/** Puts something new on the upstream. */
export type Target = (bench: Bench) => Promise<Wanted>;

export function blobOf(size: number): Target {
  return ({ upstream, nextRepository }) => {
    const repository = nextRepository();
    const bytes = seededBytes(repository, size);
    const digest = upstream.pushBlob(repository, bytes);
    return Promise.resolve({ repository, path: `/v2/${repository}/blobs/${digest}?ns=${upstreamName}`, digest, bytes });
  };
}

/** A layer whose length a stored manifest claims. */
export function layerOf(size: number): Target {
  return async ({ upstream, instance, nextRepository }) => {
    const repository = nextRepository();
    const bytes = seededBytes(repository, size);
    const image = upstream.pushImage(repository, "latest", { layers: [bytes] });
    await instance.ask(`/v2/${repository}/manifests/${image.digest}?ns=${upstreamName}`);
    const digest = image.layers[0]?.digest ?? "";
    return { repository, path: `/v2/${repository}/blobs/${digest}?ns=${upstreamName}`, digest, bytes };
  };
}

export const manifestByDigest: Target = ({ upstream, nextRepository }) => {
  const repository = nextRepository();
  const { digest, manifest } = upstream.pushImage(repository, "latest");
  const path = `/v2/${repository}/manifests/${digest}?ns=${upstreamName}`;
  return Promise.resolve({ repository, path, digest, bytes: manifest });
};

export const manifestByTag: Target = async (bench) => {
  const { repository, digest, bytes } = await manifestByDigest(bench);
  return { repository, path: `/v2/${repository}/manifests/latest?ns=${upstreamName}`, digest, bytes, tag: "latest" };
};

/** A tag that was pulled, and has expired: it is checked by HEAD before it is believed again. */
export const expiredTag: Target = async (bench) => {
  const wanted = await manifestByTag(bench);
  await bench.instance.ask(wanted.path);
  bench.clock.skip(61_000);
  return wanted;
};
