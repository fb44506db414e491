import type { Graph, ManifestNode } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import { imageByDigest, imageOf } from "./pins.ts";
import type { EvictionReport, PlannedVictim } from "./reports.ts";
import type { Choice } from "./victims.ts";

/** The choice in words and figures. A generator, so that the caller can give way to others. */
export function* reportOf(choice: Choice, wantedBytes: number, graph: Graph): Generator<undefined, EvictionReport> {
  const orphans = choice.orphans.map(({ digest, size = 0 }): PlannedVictim => ({
    digest,
    kind: "blob",
    images: [],
    lastPulledAt: graph.blobFacts(digest)?.accessedAt ?? 0,
    bytes: size,
  }));
  const units: PlannedVictim[] = [];
  for (const { nodes, bytes } of choice.units) {
    // What goes along with the first one is counted with it.
    nodes.forEach((node, place) => units.push(victim(node, place === 0 ? bytes : 0, graph)));
    yield;
  }
  return {
    wantedBytes,
    freedBytes: choice.bytes,
    keptSharedBytes: choice.keptSharedBytes,
    victims: [...orphans, ...units],
  };
}

function victim(node: ManifestNode, bytes: number, graph: Graph): PlannedVictim {
  const { digest, kind, accessedAt } = node;
  return { digest, kind, images: namesOf(node, graph), lastPulledAt: accessedAt, bytes };
}

/** Of the manifests that are looked at: who plans an eviction and then carries it out asks twice. */
const known = new WeakMap<ManifestNode, string[]>();

/** Tags that name a manifest or an index above it; else the repositories that hold it, with its digest. */
export function namesOf(node: ManifestNode, graph: Graph): string[] {
  const names = known.get(node) ?? readNames(node, graph);
  known.set(node, names);
  return names;
}

function readNames(node: ManifestNode, graph: Graph): string[] {
  const above = [node, ...graph.parents(node.id)];
  const tags = above.flatMap(({ digest }) => currentTags(digest, graph));
  if (tags.length > 0) return [...new Set(tags)];
  return graph.repositories(node.digest, 10).map((repository) => imageByDigest(repository, node.digest));
}

function currentTags(digest: Digest, graph: Graph): string[] {
  return graph
    .tags(digest)
    .filter(({ relation }) => relation === "current")
    .map(imageOf);
}
