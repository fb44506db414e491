import type { Metadata, RepositoryKey } from "../metadata/index.ts";
import { subjectOfReferrersTag, type Digest, type Reference, type Tag } from "../oci/index.ts";
import { durably } from "./durably.ts";
import type { Generations } from "./generations.ts";
import type { Listings } from "./listings.ts";
import type { CacheObserver } from "./observer.ts";

/** What a push through us has just changed at the upstream. */
export type Change =
  | {
      kind: "manifest";
      how: "put" | "deleted";
      reference: Reference;
      /** What the upstream says the manifest's digest is. */
      digest: Digest | undefined;
      /** What the upstream says it refers to (distribution-spec, `OCI-Subject`). */
      subject: Digest | undefined;
    }
  | { kind: "blob" };

export interface PushesPorts {
  index: Metadata;
  listings: Listings;
  generations: Generations;
  observer: CacheObserver;
}

/** Forgets what a push has made untrue. Content stays: a digest cannot change. */
export class Pushes {
  readonly #ports: PushesPorts;

  constructor(ports: PushesPorts) {
    this.#ports = ports;
  }

  /** Resolves when nothing that was known before the push is served any more as the state of the upstream. */
  async changed(repository: RepositoryKey, change: Change): Promise<void> {
    const { generations, listings } = this.#ports;
    // With it go all negative entries of the repository, whoever asked: they are kept under its generation.
    generations.advance(repository);
    if (change.kind === "blob") return;
    await Promise.all([
      listings.drop(repository, "tags", ""),
      ...this.#tagsOf(repository, change).map((tag) => this.#dropTag(repository, tag)),
      ...this.#subjectsOf(change).map((subject) => listings.drop(repository, "referrers", subject)),
    ]);
  }

  /** The tag that was written; with a manifest that was deleted all go that named it. */
  #tagsOf(repository: RepositoryKey, { how, reference }: Extract<Change, { kind: "manifest" }>): Tag[] {
    if (reference.kind === "tag") return [reference.tag];
    if (how === "put") return [];
    return this.#ports.index.graph
      .tags(reference.digest)
      .filter(({ relation, repository: { upstream, name } }) => {
        return relation === "current" && upstream === repository.upstream && name === repository.name;
      })
      .map(({ tag }) => tag);
  }

  /** Without a referrers API a client writes the list itself, under a tag made from the subject's digest. */
  #subjectsOf({ reference, digest, subject }: Extract<Change, { kind: "manifest" }>): Digest[] {
    const { graph } = this.#ports.index;
    const own = reference.kind === "digest" ? reference.digest : digest;
    const node = own && graph.manifest(own);
    const stored = node ? graph.subjects(node.id).map((manifest) => manifest.digest) : [];
    const listed = reference.kind === "tag" ? subjectOfReferrersTag(reference.tag) : undefined;
    return [...new Set([...stored, ...(subject ? [subject] : []), ...(listed ? [listed] : [])])];
  }

  async #dropTag(repository: RepositoryKey, tag: Tag): Promise<void> {
    const { index, observer } = this.#ports;
    // What an operator has rolled the tag back to is theirs to release.
    if (index.tag(repository, tag)?.held) return;
    await durably(observer, index.dropTag(repository, tag));
  }
}
