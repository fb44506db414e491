import { LRUCache } from "lru-cache";
import type { Listing, ListingKind, Metadata, RepositoryKey } from "../metadata/index.ts";
import { parseManifest, referrersTag, RegistryError, type Digest } from "../oci/index.ts";
import type { AnswerOutcome, Age, ReferrersAnswer, TagsAnswer } from "./answers.ts";
import type { Clock } from "./clock.ts";
import { Collapse } from "./collapse.ts";
import { durably } from "./durably.ts";
import type { CacheObserver } from "./observer.ts";
import { isFresh, mayServeStale, staleReason } from "./manifests/freshness.ts";
import { ageOf, wordOf, type Word } from "./manifests/word.ts";
import type { ParentSaid, RequestOptions } from "../upstream/index.ts";
import { askUpstream, clientError, sourceKey, waitFor, type Source } from "./source.ts";

type Descriptor = Record<string, unknown>;

interface Kept<T> {
  value: T;
  outcome: AnswerOutcome;
  age: Age;
  flag: TagsAnswer["flag"];
  hops: string | undefined;
}

/** A list as the upstream gave it. */
interface Given<T> {
  value: T;
  parent: ParentSaid | undefined;
}

/** The same as it is kept, and since when it holds. */
interface Heard {
  body: string;
  word: Word;
}

/** Tag lists and referrers: asked upstream, kept for the freshness period, served stale when the upstream is down. */
export class Listings {
  readonly #index: Metadata;
  readonly #clock: Clock;
  readonly #observer: CacheObserver;
  readonly #asking = new Collapse<Heard | undefined>();
  /** Lists of what is not stored here: anyone can ask for any digest, and that must not fill the index. */
  readonly #passing = new LRUCache<string, Listing>({ max: 1000 });

  constructor(index: Metadata, clock: Clock, observer: CacheObserver) {
    this.#index = index;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Forgets a list that a push has changed. */
  async drop(repository: RepositoryKey, kind: ListingKind, key: string): Promise<void> {
    await durably(this.#observer, this.#index.dropListing(repository, kind, key));
  }

  /**
   * @param mustCheck - The client wants the upstream's word, however fresh the list is.
   * @throws RegistryError NAME_UNKNOWN where the upstream has no such repository.
   */
  async tags(source: Source, mustCheck: boolean): Promise<TagsAnswer> {
    const list = { kind: "tags", key: "", mustCheck } as const;
    const kept = await this.#kept<{ tags: string[]; isComplete: boolean }>(source, list, async (options) => {
      const listed = await source.upstream.listTags(source.key.name, options);
      return listed && { value: { tags: listed.tags, isComplete: listed.isComplete }, parent: listed.parent };
    });
    if (!kept) throw repositoryUnknown(source);
    const { value, ...rest } = kept;
    return { ...value, ...rest };
  }

  /** Without a referrers API upstream, from the image index under the tag `sha256-<hex>`; no such tag means none. */
  async referrers(source: Source, digest: Digest, mustCheck: boolean): Promise<ReferrersAnswer> {
    const list = { kind: "referrers", key: digest, mustCheck } as const;
    const kept = await this.#kept<Descriptor[]>(source, list, async (options) => {
      const listed = await source.upstream.listReferrers(source.key.name, digest, options);
      return listed ? { value: listed.manifests, parent: listed.parent } : referrersByTag(source, digest, options);
    });
    if (!kept) throw repositoryUnknown(source);
    const { value, ...rest } = kept;
    return { manifests: value, ...rest };
  }

  async #kept<T>(
    source: Source,
    { kind, key, mustCheck }: { kind: ListingKind; key: string; mustCheck: boolean },
    ask: (options: RequestOptions) => Promise<Given<T> | undefined>,
  ): Promise<Kept<T> | undefined> {
    const listing =
      this.#index.listing(source.key, kind, key) ?? this.#passing.get(sourceKey(source, `${kind} ${key}`));
    const now = this.#clock.now();
    const keep = (body: string, fetchedAt: number, outcome: AnswerOutcome, flag?: Kept<T>["flag"]): Kept<T> => ({
      value: JSON.parse(body) as T,
      outcome,
      age: ageOf(fetchedAt, source.tags, now),
      flag,
      hops: undefined,
    });
    if (listing && !mustCheck && isFresh(listing.fetchedAt, source.tags, now))
      return keep(listing.body, listing.fetchedAt, "hit");
    // With a list at hand the answer need not wait for further attempts.
    const isHurried = listing !== undefined && mayServeStale(listing.fetchedAt, source.tags, now);
    // A parent cache may not know yet of a push that went by it.
    const mustRevalidate = mustCheck || source.mark.generation > 0;
    const question = sourceKey(source, mustRevalidate ? `${kind} ${key} no-cache` : `${kind} ${key}`);
    const { promise, isLeader } = this.#asking.run(question, () =>
      this.#ask(source, kind, key, (options) => ask({ ...options, isHurried, mustRevalidate })),
    );
    try {
      const heard = await waitFor(source, promise);
      if (!heard) return undefined;
      const { word } = heard;
      const kept = keep(heard.body, word.checkedAt, isLeader ? "filled" : "collapsed", word.staleBecause);
      return { ...kept, hops: word.hops };
    } catch (error) {
      const reason = staleReason(error, source.tags);
      if (isHurried && reason) {
        return keep(listing.body, listing.fetchedAt, "stale", reason);
      }
      throw clientError(error);
    }
  }

  async #ask<T>(
    source: Source,
    kind: ListingKind,
    key: string,
    ask: (options: RequestOptions) => Promise<Given<T> | undefined>,
  ): Promise<Heard | undefined> {
    const given = await askUpstream(this.#clock, source, ask);
    if (given === undefined) {
      if (source.mark.isCurrent()) await this.drop(source.key, kind, key);
      return undefined;
    }
    const body = JSON.stringify(given.value);
    const word = wordOf({ isFromOrigin: true, parent: given.parent }, source.tags, this.#clock.now());
    if (source.mark.isCurrent()) await this.#keep(source, kind, key, { body, fetchedAt: word.checkedAt });
    return { body, word };
  }

  async #keep(source: Source, kind: ListingKind, key: string, { body, fetchedAt }: Listing): Promise<void> {
    const isOfStored = kind === "tags" || this.#index.isMember(source.key, key as Digest);
    if (isOfStored) await durably(this.#observer, this.#index.recordListing(source.key, kind, key, body, fetchedAt));
    else this.#passing.set(sourceKey(source, `${kind} ${key}`), { body, fetchedAt });
  }
}

/** The referrers tag schema (distribution-spec, "Referrers Tag Schema"); what is no valid index counts as none. */
async function referrersByTag(source: Source, digest: Digest, options: RequestOptions): Promise<Given<Descriptor[]>> {
  const body = await source.upstream.getManifest(source.key.name, { kind: "tag", tag: referrersTag(digest) }, options);
  const none = { value: [], parent: body?.parent };
  if (!body) return none;
  try {
    if (parseManifest(body.bytes).kind !== "index") return none;
  } catch {
    return none;
  }
  const index = JSON.parse(body.bytes.toString("utf8")) as { manifests: Descriptor[] };
  return { value: index.manifests, parent: body.parent };
}

function repositoryUnknown(source: Source): RegistryError {
  const { upstream, name } = source.key;
  return new RegistryError("NAME_UNKNOWN", `${upstream} has no repository ${name}`, {
    detail: { upstream, repository: name },
  });
}
