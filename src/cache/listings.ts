import { LRUCache } from "lru-cache";
import type { Listing, ListingKind, Metadata, RepositoryKey } from "../metadata/index.ts";
import { parseManifest, referrersTag, RegistryError, type Digest } from "../oci/index.ts";
import type { AnswerOutcome, Age, ReferrersAnswer, TagsAnswer } from "./answers.ts";
import type { Clock } from "./clock.ts";
import { Collapse } from "./collapse.ts";
import { durably } from "./durably.ts";
import type { CacheObserver } from "./observer.ts";
import { ageSeconds, isFresh, mayServeStale, staleReason, ttlSeconds } from "./manifests/freshness.ts";
import type { RequestOptions } from "../upstream/index.ts";
import { askUpstream, clientError, sourceKey, waitFor, type Source } from "./source.ts";

type Descriptor = Record<string, unknown>;

interface Kept<T> {
  value: T;
  outcome: AnswerOutcome;
  age: Age;
  flag: TagsAnswer["flag"];
}

/** Tag lists and referrers: asked upstream, kept for the freshness period, served stale when the upstream is down. */
export class Listings {
  readonly #index: Metadata;
  readonly #clock: Clock;
  readonly #observer: CacheObserver;
  readonly #asking = new Collapse<string | undefined>();
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

  /** @throws RegistryError NAME_UNKNOWN where the upstream has no such repository. */
  async tags(source: Source): Promise<TagsAnswer> {
    const kept = await this.#kept<{ tags: string[]; isComplete: boolean }>(source, "tags", "", (options) =>
      source.upstream.listTags(source.key.name, options),
    );
    if (!kept) throw repositoryUnknown(source);
    const { value, ...rest } = kept;
    return { ...value, ...rest };
  }

  /** Without a referrers API upstream, from the image index under the tag `sha256-<hex>`; no such tag means none. */
  async referrers(source: Source, digest: Digest): Promise<ReferrersAnswer> {
    const kept = await this.#kept<Descriptor[]>(source, "referrers", digest, async (options) => {
      const listed = await source.upstream.listReferrers(source.key.name, digest, options);
      return listed?.manifests ?? (await referrersByTag(source, digest, options));
    });
    if (!kept) throw repositoryUnknown(source);
    const { value, ...rest } = kept;
    return { manifests: value, ...rest };
  }

  async #kept<T>(
    source: Source,
    kind: ListingKind,
    key: string,
    ask: (options: RequestOptions) => Promise<T | undefined>,
  ): Promise<Kept<T> | undefined> {
    const listing =
      this.#index.listing(source.key, kind, key) ?? this.#passing.get(sourceKey(source, `${kind} ${key}`));
    const now = this.#clock.now();
    const keep = (body: string, fetchedAt: number, outcome: AnswerOutcome, flag?: Kept<T>["flag"]): Kept<T> => ({
      value: JSON.parse(body) as T,
      outcome,
      age: { ageSeconds: ageSeconds(fetchedAt, now), ttlSeconds: ttlSeconds(fetchedAt, source.tags, now) },
      flag,
    });
    if (listing && isFresh(listing.fetchedAt, source.tags, now)) return keep(listing.body, listing.fetchedAt, "hit");
    // With a list at hand the answer need not wait for further attempts.
    const isHurried = listing !== undefined && mayServeStale(listing.fetchedAt, source.tags, now);
    const { promise, isLeader } = this.#asking.run(sourceKey(source, `${kind} ${key}`), () =>
      this.#ask(source, kind, key, (options) => ask({ ...options, isHurried })),
    );
    try {
      const body = await waitFor(source, promise);
      return body === undefined ? undefined : keep(body, now, isLeader ? "filled" : "collapsed");
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
    ask: (options: RequestOptions) => Promise<T | undefined>,
  ): Promise<string | undefined> {
    const value = await askUpstream(this.#clock, source, ask);
    if (value === undefined) {
      if (source.mark.isCurrent()) await this.drop(source.key, kind, key);
      return undefined;
    }
    const body = JSON.stringify(value);
    if (source.mark.isCurrent()) await this.#keep(source, kind, key, body);
    return body;
  }

  async #keep(source: Source, kind: ListingKind, key: string, body: string): Promise<void> {
    const fetchedAt = this.#clock.now();
    const isOfStored = kind === "tags" || this.#index.isMember(source.key, key as Digest);
    if (isOfStored) await durably(this.#observer, this.#index.recordListing(source.key, kind, key, body, fetchedAt));
    else this.#passing.set(sourceKey(source, `${kind} ${key}`), { body, fetchedAt });
  }
}

/** The referrers tag schema (distribution-spec, "Referrers Tag Schema"); what is no valid index counts as none. */
async function referrersByTag(source: Source, digest: Digest, options: RequestOptions): Promise<Descriptor[]> {
  const body = await source.upstream.getManifest(source.key.name, { kind: "tag", tag: referrersTag(digest) }, options);
  if (!body) return [];
  try {
    if (parseManifest(body.bytes).kind !== "index") return [];
  } catch {
    return [];
  }
  const index = JSON.parse(body.bytes.toString("utf8")) as { manifests: Descriptor[] };
  return index.manifests;
}

function repositoryUnknown(source: Source): RegistryError {
  const { upstream, name } = source.key;
  return new RegistryError("NAME_UNKNOWN", `${upstream} has no repository ${name}`, {
    detail: { upstream, repository: name },
  });
}
