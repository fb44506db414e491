import type { ChildNode, Graph, ManifestNode, PinRow, TagName } from "../metadata/index.ts";
import { parseImagePattern, platformMatches, type Digest, type ImagePattern } from "../oci/index.ts";

interface Pin {
  pattern: ImagePattern;
  platforms: readonly string[] | undefined;
}

/** A manifest, or an index above it, and the platform for which the index names what leads to the manifest. */
interface Place {
  node: ManifestNode;
  platform: string | undefined;
}

/** Deeper graphs are not followed, here as elsewhere. */
const maxDepth = 4;
const maxRepositories = 100;

/** Which manifests are held: by a pin that fits one of their names, or by a tag that is rolled back to them. */
export class Pins {
  readonly #graph: Graph;
  #pins: Pin[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.reload();
  }

  get count(): number {
    return this.#pins.length;
  }

  /** To be called after the rows have changed. */
  reload(): void {
    this.#pins = this.#graph.pins().map(toPin);
  }

  /** Whether any manifest at all can be held. */
  get isEmpty(): boolean {
    return this.#pins.length === 0 && !this.#graph.anyHeld();
  }

  /** What holds a manifest, in words; empty where nothing does. */
  holding(node: ManifestNode): string[] {
    if (this.isEmpty) return [];
    const found = new Set<string>();
    for (const place of this.#places(node)) {
      const tags = this.#graph.tags(place.node.digest);
      for (const name of tags.filter(({ relation }) => relation === "held")) found.add(`rollback of ${imageOf(name)}`);
      for (const pin of this.#fitting(place, tags)) found.add(pin);
    }
    return [...found];
  }

  /** The pins that hold a manifest, as they were written, and no rollbacks. */
  of(node: ManifestNode): string[] {
    if (this.#pins.length === 0) return [];
    const places = [...this.#places(node)];
    return [...new Set(places.flatMap((place) => this.#fitting(place, this.#graph.tags(place.node.digest))))];
  }

  #fitting(place: Place, tags: readonly TagName[]): string[] {
    return this.#pins.filter((pin) => this.#fits(pin, place, tags)).map(({ pattern }) => pattern.text);
  }

  #fits(pin: Pin, { node, platform }: Place, tags: readonly TagName[]): boolean {
    if (!wants(pin, platform)) return false;
    const { pattern } = pin;
    for (const { repository, tag, relation } of tags) {
      if (!pattern.matches({ upstream: repository.upstream, repository: repository.name }, { kind: "tag", tag }))
        continue;
      if (relation !== "earlier" || !this.#isReplaced(pin, repository, tag, node)) return true;
    }
    return this.#graph
      .repositories(node.digest, maxRepositories)
      .some(({ upstream, name }) =>
        pattern.matches({ upstream, repository: name }, { kind: "digest", digest: node.digest }),
      );
  }

  /** Whether a later version of the tag is as complete as this one: until then a pin holds both. */
  #isReplaced(pin: Pin, repository: TagName["repository"], tag: TagName["tag"], node: ManifestNode): boolean {
    for (const { digest } of this.#graph.tagHistory(repository, tag)) {
      if (digest === node.digest) return false;
      const later = this.#graph.manifest(digest);
      if (later && this.#covers(pin, later, node)) return true;
    }
    return true;
  }

  #covers(pin: Pin, later: ManifestNode, earlier: ManifestNode): boolean {
    if (earlier.kind === "image") return this.#isComplete(later);
    if (later.kind === "image") return this.#isComplete(later);
    const has = this.#graph.children(later.id);
    return this.#graph
      .children(earlier.id)
      .filter((child) => wants(pin, child.platform) && this.#isComplete(child))
      .every((child) => has.some((other) => isSamePlatform(child, other) && this.#isComplete(other)));
  }

  /** An image with all its blobs; an index of which one image is complete. */
  #isComplete(node: ManifestNode): boolean {
    if (node.state !== "present") return false;
    if (node.kind === "index") return this.#graph.children(node.id).some((child) => this.#isComplete(child));
    return this.#graph.blobs(node.id).every(({ state }) => state === "present");
  }

  /** The manifest itself and all indexes above it. */
  *#places(node: ManifestNode): Generator<Place> {
    let level: Place[] = [{ node, platform: undefined }];
    for (let depth = 0; depth < maxDepth && level.length > 0; depth += 1) {
      yield* level;
      level = level.flatMap(({ node: child, platform }) =>
        this.#graph.parents(child.id).map((parent) => ({ node: parent, platform: platform ?? parent.platform })),
      );
    }
  }
}

export function imageOf({ repository: { upstream, name }, tag }: Pick<TagName, "repository" | "tag">): string {
  return `${upstream}/${name}:${tag}`;
}

export function imageByDigest({ upstream, name }: TagName["repository"], digest: Digest): string {
  return `${upstream}/${name}@${digest}`;
}

function toPin({ image, platforms }: PinRow): Pin {
  return { pattern: parseImagePattern(image), platforms };
}

/** A platform that is not known is taken for one that is wanted. */
function wants({ platforms }: Pin, platform: string | undefined): boolean {
  return !platforms || platform === undefined || platforms.some((wanted) => platformMatches(wanted, platform));
}

function isSamePlatform(one: ChildNode, other: ChildNode): boolean {
  if (one.platform === undefined || other.platform === undefined) return one.platform === other.platform;
  return platformMatches(one.platform, other.platform);
}
