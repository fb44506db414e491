import type { Digest } from "../../../src/oci/index.ts";
import { seededBlob, type Payload, type PushedImage, type TestUpstream } from "../../upstream/index.ts";

export const repositories = ["model/one", "model/two"] as const;
export type RepositoryName = (typeof repositories)[number];

/** What a tag may name, or a client may ask for by its digest. */
export interface Target {
  repository: RepositoryName;
  digest: Digest;
}

/** A tag and what it may come to name. */
export interface TagPlan {
  repository: RepositoryName;
  tag: string;
  targets: readonly Target[];
}

export interface Catalog {
  targets: readonly Target[];
  tags: readonly TagPlan[];
}

/** Some are kept in memory, some are larger than what eviction thinks worthwhile or is checked before it is sent. */
const layerBytes = [1_300_000, 600_000, 300_000, 200_000, 1_150_000, 90_000, 40_000];

function layersOf(...numbers: number[]): Payload[] {
  return numbers.map((number) => seededBlob(`model layer ${number}`, layerBytes[number] ?? 0));
}

const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };

/**
 * Images whose layers come from a small pool, some of them platforms of indexes too, a signature, and in a second repository
 * what the first one has too.
 */
export function pushCatalog(upstream: TestUpstream): Catalog {
  const [one, two] = repositories;
  const image = (repository: string, platform: typeof amd64, ...layers: number[]): PushedImage =>
    upstream.pushImage(repository, undefined, { platform, layers: layersOf(...layers) });
  const common = image(one, amd64, 0, 1);
  const shared = image(one, arm64, 0, 6);
  const inOne = [
    common,
    image(one, amd64, 0, 2),
    image(one, amd64, 0, 1, 3),
    shared,
    image(one, amd64, 4),
    image(one, amd64, 5, 5, 6),
    upstream.pushIndex(one, undefined, common, shared),
    upstream.pushIndex(one, undefined, shared, image(one, amd64, 2, 3)),
  ];
  const signature = upstream.pushReferrer(one, common.digest, { artifactType: "application/x.sig" });
  const inTwo = [
    image(two, amd64, 1, 4),
    image(two, amd64, 0, 1),
    upstream.pushIndex(two, undefined, image(two, amd64, 0, 2), image(two, arm64, 3)),
  ];
  const ofOne = inOne.map(({ digest }): Target => ({ repository: one, digest }));
  const ofTwo = inTwo.map(({ digest }): Target => ({ repository: two, digest }));
  const plan = (repository: RepositoryName, tag: string, targets: readonly Target[], first: number): TagPlan => {
    const target = targets[first];
    if (target) upstream.tag(repository, tag, target.digest);
    return { repository, tag, targets };
  };
  const tags = [
    plan(one, "a", ofOne, 0),
    plan(one, "b", ofOne, 6),
    plan(one, "c", ofOne, 7),
    plan(two, "a", ofTwo, 0),
    plan(two, "b", ofTwo, 2),
  ];
  return { targets: [...ofOne, ...ofTwo, { repository: one, digest: signature.digest }], tags };
}
