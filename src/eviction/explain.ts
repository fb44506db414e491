import { bytesOfTree, type BlobFacts, type ManifestNode, type Metadata } from "../metadata/index.ts";
import { formatImageName, type Digest, type ImageName } from "../oci/index.ts";
import { imageOf } from "./pins.ts";
import { namesOf } from "./report.ts";
import type { Explanation } from "./reports.ts";

const maxUsers = 100;

export interface ExplainPorts {
  index: Metadata;
  holding: (node: ManifestNode) => string[];
  leasedUntil: (digest: Digest) => number | undefined;
}

/** Why something is kept, or when and why it left; undefined for what was never here, or left too long ago. */
export function explain(subject: ImageName | Digest, ports: ExplainPorts): Explanation | undefined {
  const { graph } = ports.index;
  const digest = typeof subject === "string" ? subject : digestOf(subject, ports.index);
  const departures = digest
    ? graph.departures({ digest })
    : typeof subject === "string"
      ? []
      : graph.departures({ image: formatImageName(subject) });
  const known = digest ?? departures[0]?.digest;
  if (known === undefined) return undefined;
  const facts = graph.blobFacts(known);
  if (!facts && departures.length === 0) return undefined;
  const node = graph.manifest(known);
  return {
    digest: known,
    ...identity(facts, node),
    ...(node ? ofManifest(node, ports) : ofBlob(known, ports)),
    firstFetchedAt: facts?.storedAt,
    lastPulledAt: node?.accessedAt ?? (facts?.state === "present" ? facts.accessedAt : undefined),
    lastVerifiedAt: facts?.verifiedAt,
    departures: departures.map(({ image, reason, bytes, at }) => ({ image, reason, bytes, at })),
  };
}

function digestOf({ upstream, repository, reference }: ImageName, index: Metadata): Digest | undefined {
  if (reference.kind === "digest") return reference.digest;
  return index.tag({ upstream, name: repository }, reference.tag)?.manifest;
}

function identity(
  facts: BlobFacts | undefined,
  node: ManifestNode | undefined,
): Pick<Explanation, "kind" | "state" | "size"> {
  const state = facts?.state;
  return {
    kind: node?.kind ?? (state === "present" ? "blob" : "unknown"),
    state: state === "present" || state === "known" || state === "doomed" ? state : "absent",
    size: facts?.size,
  };
}

type Relations = Pick<
  Explanation,
  "tags" | "neededBy" | "platforms" | "pins" | "leasedUntil" | "queue" | "uniqueBytes" | "sharedBytes"
>;

function ofManifest(node: ManifestNode, { index, holding, leasedUntil }: ExplainPorts): Relations {
  const { graph } = index;
  const parents = graph.parents(node.id);
  const named = [node, ...parents].flatMap(({ digest }) => graph.tags(digest));
  const isUnit = node.kind === "image" || graph.children(node.id).length === 0;
  const pins = holding(node);
  const { uniqueBytes, sharedBytes } = bytesOfTree(node, graph.tree(node.id));
  return {
    tags: named.map((name) => ({ image: imageOf(name), relation: name.relation })),
    neededBy: parents.map(({ digest, kind, platform, ...parent }) => ({
      digest,
      kind,
      platform,
      images: namesOf({ ...parent, digest, kind }, graph),
    })),
    platforms: graph.named(node.id),
    pins,
    leasedUntil: leasedUntil(node.digest),
    queue: isUnit && pins.length === 0 ? { rank: graph.rank(node.accessedAt) + 1 } : undefined,
    uniqueBytes,
    sharedBytes,
  };
}

function ofBlob(digest: Digest, { index, holding, leasedUntil }: ExplainPorts): Relations {
  const { graph } = index;
  const users = graph.users(digest, maxUsers);
  const facts = graph.blobFacts(digest);
  const here = facts?.state === "present" ? (facts.size ?? 0) : 0;
  const leases = users.map((user) => leasedUntil(user.digest)).filter((until) => until !== undefined);
  return {
    tags: [],
    neededBy: users.map((user) => ({
      digest: user.digest,
      kind: user.kind,
      platform: undefined,
      images: namesOf(user, graph),
    })),
    platforms: [],
    pins: [...new Set(users.flatMap(holding))],
    leasedUntil: leases.length > 0 ? Math.max(...leases) : undefined,
    queue: undefined,
    uniqueBytes: users.length <= 1 ? here : 0,
    sharedBytes: users.length > 1 ? here : 0,
  };
}
