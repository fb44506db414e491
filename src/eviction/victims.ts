import type { BlobNode, Graph, ManifestNode, NamedBlob, Victims } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

/** A manifest that frees less than this by itself goes only if the target cannot be met without it. */
const worthwhileBytes = 1024 * 1024;
/** Above so many victims none is given back: looking at each again would take longer than it is worth. */
const maxWeighed = 1000;
const pageSize = 100;
/** Mostly one image or a few are enough: the first pages are small. */
const firstPageSize = 4;

/** What may be taken, and in which order. */
export interface Terms {
  /** Content of this age may go where no manifest names it, in ms since the epoch. */
  orphansBefore: number;
  isPinned: (node: ManifestNode) => boolean;
  isLeased: (node: ManifestNode) => boolean;
  isInUse: (digest: Digest) => boolean;
  /** What goes only where all else is not enough, in this order; empty for work that can wait. */
  lastResort: () => Iterable<ManifestNode>;
  /** Whether orphans within their grace may go, after everything else. */
  takesFreshOrphans: boolean;
}

/** One unit that goes as a whole: a manifest, its referrers, and the indexes that it leaves without a child. */
export interface Unit {
  nodes: ManifestNode[];
  /** Blobs that these manifests name, with the number of edges that go. */
  blobs: Map<number, { blob: NamedBlob; uses: number }>;
  /** Bytes that went with it, those before it gone already. */
  bytes: number;
}

export interface Choice {
  units: Unit[];
  orphans: BlobNode[];
  /** Edges that go with the units, by the blob that they name. */
  removedUses: ReadonlyMap<number, number>;
  /** Bytes that are set free. */
  bytes: number;
  /** Bytes that the victims need and that stay, because others need them too. */
  keptSharedBytes: number;
}

/**
 * Chooses what goes so that at least `wantedBytes` are set free, or as much as there is: orphans past their grace, then
 * images in the order of their last pull, then what is only held softly. The victims are weighed as a set, so that two
 * images which share everything do not protect each other. A generator, so that the caller can give way to others.
 */
export function* chooseVictims(graph: Graph, wantedBytes: number, terms: Terms): Generator<undefined, Choice> {
  const draft = new Draft(graph, terms);
  for (const orphan of draft.orphans(terms.orphansBefore)) {
    if (draft.bytes >= wantedBytes) return yield* draft.choice(wantedBytes);
    draft.takeOrphan(orphan);
    yield;
  }
  for (const node of queueOf(graph)) {
    if (draft.bytes >= wantedBytes) return yield* draft.choice(wantedBytes);
    if (!terms.isLeased(node)) draft.take(node);
    yield;
  }
  for (const node of draft.bytes < wantedBytes ? terms.lastResort() : []) {
    if (draft.bytes >= wantedBytes) return yield* draft.choice(wantedBytes);
    draft.takeLeased(node);
    yield;
  }
  for (const node of draft.deferred) {
    if (draft.bytes >= wantedBytes) return yield* draft.choice(wantedBytes);
    draft.take(node);
    yield;
  }
  for (const orphan of terms.takesFreshOrphans ? draft.orphans(Number.MAX_SAFE_INTEGER) : []) {
    if (draft.bytes >= wantedBytes) return yield* draft.choice(wantedBytes);
    draft.takeOrphan(orphan);
    yield;
  }
  return yield* draft.choice(wantedBytes);
}

/** One image for good, whatever its rank: the manifest, what only it names below itself, and its referrers. */
export function* chooseImage(
  graph: Graph,
  root: ManifestNode,
  terms: Pick<Terms, "isPinned">,
): Generator<undefined, Choice> {
  const never = (): boolean => false;
  const draft = new Draft(graph, {
    ...terms,
    orphansBefore: 0,
    isLeased: never,
    isInUse: never,
    lastResort: () => [],
    takesFreshOrphans: false,
  });
  draft.takeTree(root);
  return yield* draft.choice(Number.POSITIVE_INFINITY);
}

export function victimsOf({ units, orphans }: Pick<Choice, "units" | "orphans">): Victims {
  return {
    manifests: units.flatMap(({ nodes }) => nodes.map(({ digest }) => digest)),
    orphans: orphans.map(({ digest }) => digest),
  };
}

/** Blobs that nothing needs any more when a unit goes. */
export function unneededAfter(unit: Unit, removedUses: ReadonlyMap<number, number>): BlobNode[] {
  return [...unit.blobs.values()]
    .map(({ blob }) => blob)
    .filter(({ id, refs, isManifest }) => !isManifest && removedUses.get(id) === refs);
}

function* queueOf(graph: Graph): Generator<ManifestNode> {
  let size = firstPageSize;
  let page = graph.queue(undefined, size);
  while (page.length > 0) {
    yield* page;
    size = Math.min(size * 2, pageSize);
    page = graph.queue(page.at(-1), size);
  }
}

/** The set of victims while it grows: which manifests are gone, and how many edges to each blob with them. */
class Draft {
  readonly #graph: Graph;
  readonly #terms: Terms;
  readonly #gone = new Set<number>();
  readonly #removedUses = new Map<number, number>();
  readonly #units: Unit[] = [];
  readonly #orphans = new Map<number, BlobNode>();
  readonly #deferred: ManifestNode[] = [];
  #areLeasesOver = false;
  #bytes = 0;

  constructor(graph: Graph, terms: Terms) {
    this.#graph = graph;
    this.#terms = terms;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What could not go because of the lease of an index above it; empty as long as leases count. */
  get deferred(): readonly ManifestNode[] {
    return this.#areLeasesOver ? this.#deferred : [];
  }

  *orphans(before: number): Generator<BlobNode> {
    let page = this.#graph.orphans(before, pageSize);
    while (page.length > 0) {
      yield* page.filter(({ id, digest }) => !this.#orphans.has(id) && !this.#terms.isInUse(digest));
      page = this.#graph.orphans(before, pageSize, page.at(-1));
    }
  }

  takeOrphan(orphan: BlobNode): void {
    this.#orphans.set(orphan.id, orphan);
    this.#bytes += orphan.size ?? 0;
  }

  /** Takes a manifest with what goes with it, unless something of that must stay. */
  take(node: ManifestNode): void {
    if (this.#gone.has(node.id) || this.#terms.isPinned(node)) return;
    this.#add([node]);
  }

  /** The same where leases count no more: an index goes with its last image, and the images that only its lease kept go now. */
  takeLeased(node: ManifestNode): void {
    this.#areLeasesOver = true;
    const images = this.#graph.children(node.id).filter(({ id }) => !this.#gone.has(id));
    if (images.length === 0) this.take(node);
    for (const image of images) if (!this.#terms.isLeased(image)) this.takeLeased(image);
  }

  /** Takes a manifest and all below it that nothing else has. */
  takeTree(root: ManifestNode): void {
    const nodes = [root];
    for (const node of nodes) {
      for (const child of this.#graph.children(node.id)) {
        const isOnlyHere = this.#graph.parents(child.id).every(({ id }) => nodes.some((other) => other.id === id));
        const hasName = this.#graph.tags(child.digest).some(({ relation }) => relation === "current");
        if (isOnlyHere && !hasName && !nodes.some(({ id }) => id === child.id)) nodes.push(child);
      }
    }
    this.#add(nodes);
  }

  /** What has been chosen; small victims that the target does not need are given back. */
  *choice(wantedBytes: number): Generator<undefined, Choice> {
    // One alone is needed: without it nothing would go.
    const isWeighed = this.#units.length > 1 && this.#units.length <= maxWeighed;
    if (isWeighed && this.#bytes >= wantedBytes) yield* this.#giveBack(wantedBytes);
    return {
      units: this.#units,
      orphans: [...this.#orphans.values()],
      removedUses: this.#removedUses,
      bytes: this.#bytes,
      keptSharedBytes: yield* this.#keptSharedBytes(),
    };
  }

  #add(nodes: ManifestNode[]): void {
    const unit: Unit = { nodes, blobs: new Map(), bytes: 0 };
    this.#withCompany(nodes);
    if (!this.#areLeasesOver && nodes.some((node) => node.kind === "index" && this.#terms.isLeased(node))) {
      this.#deferred.push(...nodes.slice(0, 1));
      return;
    }
    for (const { id } of nodes) this.#collect(id, unit);
    this.#account(unit, 1);
    const unneeded = unneededAfter(unit, this.#removedUses);
    if (unneeded.some(({ digest }) => this.#terms.isInUse(digest))) {
      this.#account(unit, -1);
      return;
    }
    unit.bytes = bytesOf(unneeded) + this.#ownBytes(nodes);
    this.#bytes += unit.bytes;
    this.#units.push(unit);
  }

  /** Adds the referrers, and the indexes that are left without a child. */
  #withCompany(nodes: ManifestNode[]): void {
    const add = (other: ManifestNode): void => {
      const isIn = this.#gone.has(other.id) || nodes.some(({ id }) => id === other.id);
      if (!isIn && !this.#terms.isPinned(other)) nodes.push(other);
    };
    for (const node of nodes) {
      this.#graph.referrers(node.id).forEach(add);
      for (const parent of this.#graph.parents(node.id)) {
        const isLeft = this.#graph
          .children(parent.id)
          .some(({ id }) => !this.#gone.has(id) && !nodes.some((other) => other.id === id));
        if (!isLeft) add(parent);
      }
    }
  }

  #collect(manifest: number, { blobs }: Unit): void {
    for (const blob of this.#graph.blobs(manifest)) {
      const seen = blobs.get(blob.id);
      blobs.set(blob.id, { blob, uses: blob.uses + (seen?.uses ?? 0) });
    }
  }

  #account({ nodes, blobs }: Unit, sign: 1 | -1): void {
    for (const { id } of nodes) {
      if (sign === 1) this.#gone.add(id);
      else this.#gone.delete(id);
    }
    for (const [id, { uses }] of blobs) this.#removedUses.set(id, (this.#removedUses.get(id) ?? 0) + sign * uses);
  }

  *#giveBack(wantedBytes: number): Generator<undefined> {
    const before = this.#units.length;
    for (const unit of [...this.#units].reverse()) {
      yield;
      const loss = bytesOf(unneededAfter(unit, this.#removedUses)) + this.#ownBytes(unit.nodes);
      if (loss >= worthwhileBytes || this.#bytes - loss < wantedBytes || this.#isBelowVictim(unit)) continue;
      this.#account(unit, -1);
      this.#bytes -= loss;
      this.#units.splice(this.#units.indexOf(unit), 1);
    }
    if (this.#units.length < before) yield* this.#weighAgain();
  }

  /** Whether an index above it, or its subject, goes with another unit: without that it would be of no use any more. */
  #isBelowVictim({ nodes }: Unit): boolean {
    const goesElsewhere = ({ id }: ManifestNode): boolean =>
      this.#gone.has(id) && !nodes.some((other) => other.id === id);
    return nodes.some(({ id }) => [...this.#graph.parents(id), ...this.#graph.subjects(id)].some(goesElsewhere));
  }

  /** What each unit frees, those before it gone: giving others back has changed that. */
  *#weighAgain(): Generator<undefined> {
    const removedUses = new Map<number, number>();
    for (const unit of this.#units) {
      for (const [id, { uses }] of unit.blobs) removedUses.set(id, (removedUses.get(id) ?? 0) + uses);
      unit.bytes = bytesOf(unneededAfter(unit, removedUses)) + this.#ownBytes(unit.nodes);
      yield;
    }
  }

  /** Of the documents; one that an image names as its blob stays for that. */
  #ownBytes(nodes: readonly ManifestNode[]): number {
    const going = nodes.filter(({ digest, state }) => state === "present" && this.#graph.users(digest, 1).length === 0);
    return going.reduce((sum, { size }) => sum + size, 0);
  }

  *#keptSharedBytes(): Generator<undefined, number> {
    const shared = new Map<number, BlobNode>();
    for (const { blobs } of this.#units) {
      yield;
      for (const [id, { blob }] of blobs) if (this.#removedUses.get(id) !== blob.refs) shared.set(id, blob);
    }
    return bytesOf([...shared.values()]);
  }
}

/** Of what is here. */
function bytesOf(blobs: readonly BlobNode[]): number {
  return blobs.reduce((sum, { size = 0, state }) => sum + (state === "present" ? size : 0), 0);
}
