import type { Graph, ListedTag, ManifestNode, TreeEdge } from "../metadata/index.ts";
import { formatImageName, type Digest } from "../oci/index.ts";
import type { ImageBlob, ImageDetail, ImageManifest } from "./images.ts";
import { nameOf } from "./tag-name.ts";

const maxSharers = 20;
/** Of those that share a blob so many are looked at for their names. */
const maxUsers = 100;

type Root = ListedTag["root"];

/** Every manifest of an image with what it needs. A generator, so that the caller can give way to others. */
export function* manifestsOf(
  root: Root,
  edges: readonly TreeEdge[],
  graph: Graph,
): Generator<undefined, ImageManifest[]> {
  const below = Map.groupBy(edges, ({ parent }) => parent);
  const digests = new Map<number, Digest>([[root.id, root.digest]]);
  for (const { id, digest } of edges) digests.set(id, digest);
  const manifests = new Map<number, ImageManifest>([[root.id, rootManifest(root)]]);
  for (const edge of edges) {
    if (edge.role !== "child") continue;
    const manifest = manifests.get(edge.id) ?? childManifest(edge);
    manifest.parents.push(...[digests.get(edge.parent)].filter((parent) => parent !== undefined));
    manifests.set(edge.id, manifest);
  }
  const own = new Set(manifests.keys());
  const uses = Map.groupBy(edges, ({ id }) => id);
  for (const [id, manifest] of manifests) {
    for (const edge of below.get(id) ?? []) {
      yield;
      if (edge.role !== "child") manifest.blobs.push(blobOf(edge, edge.role, { uses, own, graph }));
    }
  }
  return [...manifests.values()];
}

/** What refers to an image or to one of its platforms, such as signatures. */
export function referrersOf(root: Root, edges: readonly TreeEdge[], graph: Graph): ImageDetail["referrers"] {
  const ids = new Set([root.id, ...edges.filter(({ manifest }) => manifest).map(({ id }) => id)]);
  const found = new Map([...ids].flatMap((id) => graph.referrers(id)).map(({ digest, kind }) => [digest, kind]));
  return Array.from(found, ([digest, kind]) => ({ digest, kind }));
}

function rootManifest({ digest, kind, mediaType, size, state, accessedAt }: Root): ImageManifest {
  const isHere = state === "present";
  return {
    digest,
    kind,
    platform: undefined,
    mediaType,
    size,
    isHere,
    lastPulledAt: accessedAt,
    parents: [],
    blobs: [],
  };
}

function childManifest({ digest, platform, size, state, manifest }: TreeEdge): ImageManifest {
  return {
    digest,
    kind: manifest?.kind ?? "unknown",
    platform,
    mediaType: manifest?.mediaType,
    size,
    isHere: state === "present" && manifest !== undefined,
    lastPulledAt: manifest?.accessedAt,
    parents: [],
    blobs: [],
  };
}

interface Surroundings {
  /** The edges of the image by what they name. */
  uses: ReadonlyMap<number, readonly TreeEdge[]>;
  /** The manifests of the image. */
  own: ReadonlySet<number>;
  graph: Graph;
}

function blobOf(edge: TreeEdge, role: "config" | "layer", { uses, own, graph }: Surroundings): ImageBlob {
  const { id, digest, size, state, refs } = edge;
  const sharedWithCount = Math.max(0, refs - (uses.get(id)?.length ?? 0));
  const others = sharedWithCount === 0 ? [] : graph.users(digest, maxUsers).filter((user) => !own.has(user.id));
  return { digest, role, size, isHere: state === "present", sharedWith: namesOf(others, graph), sharedWithCount };
}

/** Tags that lead to manifests; of one without any, the name by its digest. */
function namesOf(manifests: readonly ManifestNode[], graph: Graph): string[] {
  const names = new Set<string>();
  for (const manifest of manifests) {
    if (names.size >= maxSharers) break;
    for (const name of namesOfOne(manifest, graph)) names.add(name);
  }
  return [...names].slice(0, maxSharers);
}

function namesOfOne({ id, digest }: ManifestNode, graph: Graph): string[] {
  const leading = [digest, ...graph.parents(id).map((parent) => parent.digest)];
  const tags = leading.flatMap((one) => graph.tags(one)).filter(({ relation }) => relation !== "earlier");
  if (tags.length > 0) return tags.map(nameOf);
  return graph
    .repositories(digest, 1)
    .map(({ upstream, name }) =>
      formatImageName({ upstream, repository: name, reference: { kind: "digest", digest } }),
    );
}
