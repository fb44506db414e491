import type { PushedImage } from "../../upstream/index.ts";

/** A tag of an upstream and the images that it names one after the other. */
export interface PublishedTag {
  repository: string;
  tag: string;
  versions: readonly PushedImage[];
}

/** Something that can be asked for, and the digests that are right answers: for a tag those of its versions, in order. */
export interface Resource {
  path: string;
  digests: readonly string[];
}

export function tagPath({ repository, tag }: Pick<PublishedTag, "repository" | "tag">): string {
  return `/v2/${repository}/manifests/${tag}`;
}

export function blobPathsOf(repository: string, image: PushedImage): string[] {
  return [image.config, ...image.layers].map(({ digest }) => `/v2/${repository}/blobs/${digest}`);
}

/** All that clients may ask for. */
export function resourcesOf(tags: readonly PublishedTag[]): Resource[] {
  const all = tags.flatMap((published): Resource[] => {
    const { repository, versions } = published;
    const manifests = versions.map(({ digest }) => `/v2/${repository}/manifests/${digest}`);
    const blobs = versions.flatMap((image) => blobPathsOf(repository, image));
    const byDigest = [...manifests, ...blobs].map((path) => ({
      path,
      digests: [path.slice(path.lastIndexOf("/") + 1)],
    }));
    return [{ path: tagPath(published), digests: versions.map(({ digest }) => digest) }, ...byDigest];
  });
  return [...new Map(all.map((resource) => [resource.path, resource])).values()];
}
