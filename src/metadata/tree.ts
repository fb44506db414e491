import type { ManifestNode, TreeEdge } from "./graph.ts";

/** Bytes of what is here of a manifest and all below it. */
export interface TreeBytes {
  bytes: number;
  /** What nothing else needs. */
  uniqueBytes: number;
  /** What another image or index needs too, or has a tag of its own. */
  sharedBytes: number;
}

/** Adds up what a manifest needs. @param edges - What `Graph.tree` says of it. */
export function bytesOfTree(root: Pick<ManifestNode, "id" | "size" | "state">, edges: readonly TreeEdge[]): TreeBytes {
  const uses = new Map<number, number>();
  for (const { id } of edges) uses.set(id, (uses.get(id) ?? 0) + 1);
  const shared = sharedIn(edges, uses);
  const sum = { uniqueBytes: root.state === "present" ? root.size : 0, sharedBytes: 0 };
  const counted = new Set<number>([root.id]);
  for (const { id, size, state } of edges) {
    if (counted.has(id) || state !== "present") continue;
    counted.add(id);
    sum[shared.has(id) ? "sharedBytes" : "uniqueBytes"] += size;
  }
  return { bytes: sum.uniqueBytes + sum.sharedBytes, ...sum };
}

/** What is named from outside of the tree or has its own tag, and all below that. */
function sharedIn(edges: readonly TreeEdge[], uses: ReadonlyMap<number, number>): Set<number> {
  const shared = new Set<number>();
  for (const { id, refs, manifest } of edges) {
    if (manifest?.isTagged === true || refs > (uses.get(id) ?? 0)) shared.add(id);
  }
  // One level of manifests in each round.
  for (let before = -1; before !== shared.size;) {
    before = shared.size;
    for (const { id, parent } of edges) if (shared.has(parent)) shared.add(id);
  }
  return shared;
}
