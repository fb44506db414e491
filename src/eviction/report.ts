import type { Graph, ManifestNode } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import { imageByDigest, imageOf } from "./pins.ts";
import type { EvictionReport, PlannedVictim } from "./reports.ts";
import type { Choice } from "./victims.ts";

/** The choice in words and figures. */
export function reportOf(choice: Choice, wantedBytes: number, graph: Graph): EvictionReport {
  const orphans = choice.orphans.map(
    ({ digest, size = 0 }): PlannedVictim => ({
      digest,
      kind: "blob",
      images: [],
      lastPulledAt: graph.blobFacts(digest)?.accessedAt ?? 0,
      bytes: size,
    }),
  );
  const units = choice.units.flatMap(({ nodes, bytes }) =>
    // What goes along with the first one is counted with it.
    nodes.map((node, place) => victim(node, place === 0 ? bytes : 0, graph)),
  );
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

/** Tags that name a manifest or an index above it; else the repositories that hold it, with its digest. */
export function namesOf(node: ManifestNode, graph: Graph): string[] {
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
