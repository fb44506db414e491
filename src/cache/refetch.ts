import type { Graph, RepositoryKey } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import type { BlobFills } from "./blobs/blob-fills.ts";
import type { Manifests } from "./manifests/manifests.ts";
import type { Source } from "./source.ts";

export interface RefetchPorts {
  graph: Graph;
  manifests: Manifests;
  fills: BlobFills;
  source: (repository: RepositoryKey) => Source;
}

/**
 * Fetches again what was lost, if something that is kept needs it, through a repository that is known to hold it.
 * @returns whether it was asked for.
 * @throws UpstreamError, RegistryError
 */
export async function refetch(digest: Digest, { graph, manifests, fills, source }: RefetchPorts): Promise<boolean> {
  const node = graph.manifest(digest);
  const users = graph.users(digest, 10);
  if (!node && users.length === 0) return false;
  const repository = [digest, ...users.map((user) => user.digest)].flatMap((held) => graph.repositories(held, 1)).at(0);
  if (!repository) return false;
  if (node) {
    await manifests.fetch(source(repository), { kind: "digest", digest }).promise;
    return true;
  }
  const seat = fills.join(source(repository), digest);
  try {
    await seat.ended;
  } finally {
    seat.leave();
  }
  return true;
}
