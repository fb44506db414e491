import fc from "fast-check";
import type { ManifestNode } from "../../../src/metadata/index.ts";
import type { Digest, ManifestEdge, Tag } from "../../../src/oci/index.ts";
import { alpine } from "../metadata/fixtures.ts";
import { documentBytes, hour, MiB, minute, type World } from "./world.ts";

/** Of layers by number: some are worth their going by themselves, some are not. */
const layerBytes = [2 * MiB, 400_000, 3 * MiB, 90_000, MiB, 700_000, 5 * MiB, 1];

interface DrawnManifest {
  kind: "image" | "index";
  /** Numbers of layers, or of manifests. */
  names: number[];
  subject: number | undefined;
  hasTag: boolean;
  /** Order of the last pulls. */
  rank: number;
  lacksOne: boolean;
}

export interface DrawnGraph {
  manifests: DrawnManifest[];
  orphans: number;
  /** Manifests and layers by number. */
  pinned: number[];
  leased: number[];
  held: number[];
  /** Bytes to free, one after the other. */
  wanted: number[];
}

/** The timer of the background does not fire within this. */
export const graceMs = 10_000;

const someManifests = fc.uniqueArray(fc.nat(9), { maxLength: 3 });

export const drawnGraph: fc.Arbitrary<DrawnGraph> = fc.record({
  manifests: fc.array(
    fc.record({
      kind: fc.constantFrom("image" as const, "image" as const, "index" as const),
      names: fc.uniqueArray(fc.nat(7), { maxLength: 4 }),
      subject: fc.option(fc.nat(9), { nil: undefined, freq: 3 }),
      hasTag: fc.boolean(),
      rank: fc.nat(5),
      lacksOne: fc.boolean(),
    }),
    { minLength: 1, maxLength: 10 },
  ),
  orphans: fc.nat(2),
  pinned: someManifests,
  leased: someManifests,
  held: fc.uniqueArray(fc.nat(7), { maxLength: 2 }),
  wanted: fc.array(fc.integer({ min: 1, max: 16 * MiB }), { minLength: 1, maxLength: 3 }),
});

/** A drawn graph in the index of a world that has nothing else in it. No files: nobody reads them here. */
export class RandomGraph {
  readonly world: World;
  readonly drawn: DrawnGraph;
  readonly held: Digest[];
  readonly #run: number;
  readonly #holds: (() => void)[];

  static async put(world: World, drawn: DrawnGraph, run: number): Promise<RandomGraph> {
    const graph = new RandomGraph(world, drawn, run);
    await graph.#put();
    return graph;
  }

  private constructor(world: World, drawn: DrawnGraph, run: number) {
    this.world = world;
    this.drawn = drawn;
    this.#run = run;
    this.held = drawn.held.map((number) => this.layer(number));
    this.#holds = this.held.map((digest) => world.eviction.hold(digest));
  }

  layer(number: number): Digest {
    return this.world.digest(`layer ${number} of run ${this.#run}`);
  }

  manifest(number: number): Digest {
    return this.world.digest(`manifest ${number} of run ${this.#run}`);
  }

  /** Manifests that are still there, by number. */
  nodes(): Map<number, ManifestNode> {
    const { graph } = this.world.index;
    return new Map(
      [...this.drawn.manifests.keys()].flatMap((number) => {
        const node = graph.manifest(this.manifest(number));
        return node ? [[number, node] as const] : [];
      }),
    );
  }

  isPinned(number: number): boolean {
    return (this.world.eviction.explain(this.manifest(number))?.pins.length ?? 0) > 0;
  }

  /** All goes, without asking anybody, so that the next graph has the world for itself. */
  async clear(): Promise<void> {
    const { index, eviction } = this.world;
    this.#holds.forEach((giveBack) => giveBack());
    for (const { image } of index.graph.pins()) await eviction.dropPin(image);
    const manifests = [...this.nodes().values()].map(({ digest }) => digest);
    const images = await index.evict({ manifests, orphans: [] }, "test");
    const orphans = index.graph.orphans(Number.MAX_SAFE_INTEGER, 100).map(({ digest }) => digest);
    const rest = await index.evict({ manifests: [], orphans }, "test");
    await index.recordRemoved([...images.doomed, ...rest.doomed].map(({ digest }) => digest));
  }

  async #put(): Promise<void> {
    const { world, drawn } = this;
    const { index, clock } = world;
    const at = clock.now() - hour;
    const writes: Promise<void>[] = [];
    for (let number = 0; number < drawn.orphans; number += 1) {
      const digest = world.digest(`orphan ${number} of run ${this.#run}`);
      await index.recordBlob(alpine, digest, (number + 1) * 300_000);
      // Only the first one is past its grace.
      if (number === 0) clock.advance(graceMs + 1);
    }
    for (const [number, manifest] of drawn.manifests.entries()) {
      const edges = this.#edgesOf(number, manifest);
      for (const { role, digest, size } of manifest.lacksOne ? edges.slice(1) : edges) {
        if (role === "layer") writes.push(index.recordBlob(alpine, digest, size));
      }
      const digest = this.manifest(number);
      const row = { digest, size: documentBytes, mediaType: "type", kind: manifest.kind, edges };
      writes.push(index.recordManifest(alpine, row, at + manifest.rank * minute));
      if (manifest.hasTag) writes.push(index.moveTag(alpine, `tag-${number}` as Tag, digest, at));
    }
    for (const number of drawn.pinned) writes.push(world.pin(`docker.io/library/alpine:tag-${number}`));
    await Promise.all(writes);
    await world.idle();
    await world.pull(...drawn.leased.map((number) => world.nameOf(this.manifest(number))));
  }

  #edgesOf(number: number, { kind, names, subject }: DrawnManifest): ManifestEdge[] {
    const named = names.flatMap((name): ManifestEdge[] => {
      if (kind === "image") return [{ role: "layer", digest: this.layer(name), size: layerBytes[name] ?? 0 }];
      // What names its own digest cannot be; so an index names only what was there before it.
      return name < number ? [{ role: "child", digest: this.manifest(name), size: documentBytes }] : [];
    });
    const isOther = kind === "image" && subject !== undefined && subject !== number;
    return isOther ? [...named, { role: "subject", digest: this.manifest(subject), size: documentBytes }] : named;
  }
}
