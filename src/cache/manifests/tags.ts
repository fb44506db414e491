import type { Metadata, TagRow } from "../../metadata/index.ts";
import { isManifestMediaType, type Digest, type Tag } from "../../oci/index.ts";
import type { ManifestHead } from "../../upstream/index.ts";
import type { ManifestAnswer } from "../answers.ts";
import { within, type Clock } from "../clock.ts";
import { Collapse } from "../collapse.ts";
import type { CacheObserver } from "../observer.ts";
import { isCooling, isFresh, isGone, mayServeStale, staleReason, type StaleReason } from "./freshness.ts";
import { HeldBack } from "./held-back.ts";
import type { Keeping } from "../keeping.ts";
import type { ManifestStore, StoredManifest } from "./manifest-store.ts";
import { manifestAnswer, manifestUnknown, outcomeOf, type FetchedManifest, type Manifests } from "./manifests.ts";
import { TagWrites } from "./tag-writes.ts";
import { ageOf, believedWord, extraOf, isOvertaken, laterOf, wordOf, type Extra, type Word } from "./word.ts";
import type { Negatives } from "../negatives.ts";
import { askUpstream, clientError, manifestKey, waitFor, type Source } from "../source.ts";

export interface TagPorts {
  index: Metadata;
  eviction: Keeping;
  manifests: Manifests;
  manifestStore: ManifestStore;
  negatives: Negatives;
  clock: Clock;
  observer: CacheObserver;
}

export interface TagRequest {
  source: Source;
  tag: Tag;
  method: "GET" | "HEAD";
  /** The client sent `Cache-Control: no-cache`: ask, however fresh the tag is (RFC 9111 section 5.2.1.4). */
  mustCheck: boolean;
}

/** What a check found out: nothing new, a digest that may still have to be fetched, or that the tag is not there. */
type Resolution =
  | { kind: "confirmed"; word: Word }
  | { kind: "named"; head: Named; word: Word }
  | { kind: "fetched"; manifest: FetchedManifest; word: Word }
  /** What is stored is the best that can be known now. */
  | { kind: "kept"; flag: StaleReason }
  | { kind: "absent" };

type Named = NonNullable<TagRow["pending"]>;

/** Tags: believed for a while, then checked with a HEAD; moved only to a manifest that has been fetched and verified. */
export class Tags {
  readonly #ports: TagPorts;
  readonly #heldBack: HeldBack;
  readonly #writes: TagWrites;
  readonly #checks = new Collapse<Resolution>();

  constructor(ports: TagPorts) {
    this.#ports = ports;
    this.#heldBack = new HeldBack(ports);
    this.#writes = new TagWrites(ports);
  }

  async answer(request: TagRequest): Promise<ManifestAnswer> {
    const { source, tag, mustCheck } = request;
    const { index, clock, negatives } = this.#ports;
    const row = index.tag(source.key, tag);
    const now = clock.now();
    const held = row?.held && (await this.#held(request, row));
    if (held) return this.#used(request, held);
    let answer: ManifestAnswer;
    if (row && !mustCheck && row.goneSince === undefined && isFresh(row.checkedAt, source.tags, now)) {
      answer = await this.#settle(request, row, believed(row), false);
    } else if (!mustCheck && negatives.has(this.#key(request))) {
      answer = await this.#absent(request, row);
    } else {
      const { promise, isLeader } = this.#checkOnce(request, row);
      answer = await this.#settle(request, row, promise, isLeader);
    }
    return this.#used(request, answer);
  }

  /**
   * Asks the upstream, whatever is known: its failure is no reason to answer with what is stored.
   * @throws RegistryError MANIFEST_UNKNOWN where the tag is not there, and those of `clientError`.
   */
  async checked(request: TagRequest): Promise<ManifestAnswer> {
    const row = this.#ports.index.tag(request.source.key, request.tag);
    const { promise, isLeader } = this.#checkOnce(request, row);
    try {
      return await this.#resolved(request, await waitFor(request.source, promise), isLeader);
    } catch (error) {
      throw clientError(error);
    }
  }

  /** A GET is a pull; a HEAD may be no more than a look whether there is something new. */
  #used({ method }: TagRequest, answer: ManifestAnswer): ManifestAnswer {
    const { eviction } = this.#ports;
    if (method === "GET" && answer.bytes) eviction.pulled(answer.digest);
    else eviction.seen(answer.digest);
    return answer;
  }

  /** What an operator has rolled the tag back to; the upstream is not asked until it is released. */
  async #held(request: TagRequest, row: TagRow): Promise<ManifestAnswer | undefined> {
    const age = ageOf(row.checkedAt, request.source.tags, this.#ports.clock.now());
    return this.#stored(row.held, (manifest) => manifestAnswer("hit", manifest, { age, flag: "rolled-back" }));
  }

  #key({ source, tag }: TagRequest): string {
    return manifestKey(source, { kind: "tag", tag });
  }

  /** Turns what is known of the tag into an answer, by the stale rules where the upstream fails or is slow. */
  async #settle(
    request: TagRequest,
    row: TagRow | undefined,
    resolution: Promise<Resolution> | Resolution,
    isLeader: boolean,
  ): Promise<ManifestAnswer> {
    const { source } = request;
    const resolved = resolution instanceof Promise ? waitFor(source, resolution) : Promise.resolve(resolution);
    const canBeStale =
      row?.manifest !== undefined && mayServeStale(row.checkedAt, source.tags, this.#ports.clock.now());
    const answer = resolved.then((said) => this.#resolved(request, said, isLeader));
    try {
      if (!canBeStale || request.mustCheck) return await answer;
      // A breaker that tries again does so behind the answer.
      const isProbe = resolution instanceof Promise && source.upstream.isFailing();
      const intime = await within(this.#ports.clock, isProbe ? 0 : source.tags.staleAfterMs, answer);
      if (intime !== "late") return intime;
      answer.catch(() => undefined);
      const reason = isProbe ? "upstream-unreachable" : "upstream-slow";
      return (await this.#stale(request, row, reason)) ?? (await answer);
    } catch (error) {
      const reason = staleReason(error, source.tags);
      const stale = row && canBeStale && reason ? await this.#stale(request, row, reason) : undefined;
      if (stale) return stale;
      // A client that is refused by its own credential is not told what others have had.
      const mayKnow = source.viewerId === undefined || reason !== undefined;
      throw clientError(error, mayKnow && row?.manifest ? whyNotStale(reason) : undefined);
    }
  }

  /** One check for all who wait. Who wants the registry itself to be asked does not join one that a parent cache may have answered. */
  #checkOnce(request: TagRequest, row: TagRow | undefined): ReturnType<Collapse<Resolution>["run"]> {
    const key = this.#key(request);
    const strict = `${key} no-cache`;
    const isStrict = mustRevalidate(request) || this.#checks.isRunning(strict);
    return this.#checks.run(isStrict ? strict : key, () => this.#check(request, row));
  }

  async #check(request: TagRequest, row: TagRow | undefined): Promise<Resolution> {
    const { source } = request;
    if (!row && request.method === "GET") return this.#fetchByTag(request, row);
    let head = await this.#head(request, row, mustRevalidate(request));
    let word = head && this.#wordOf(request, head);
    if (head?.digest !== row?.manifest && word && isOvertaken(word, row, this.#ports.clock.now())) {
      // The parent has not heard yet of what we know, from another parent or the registry itself.
      head = await this.#head(request, row, true);
      word = head && this.#wordOf(request, head);
      const isBehind = head?.digest !== row.manifest && word && isOvertaken(word, row, this.#ports.clock.now());
      if (isBehind) return { kind: "kept", flag: word?.staleBecause ?? "stale-at-parent" };
    }
    if (!head || !word) return { kind: "absent" };
    if (row && head.digest !== undefined && head.digest === row.manifest) {
      const confirmed = laterOf(word, row, this.#ports.clock.now());
      await this.#writes.confirm(request, row, head.digest, confirmed);
      return { kind: "confirmed", word: confirmed };
    }
    const named = namedBy(head);
    if (named) {
      await this.#recordNamed(request, row, named, word);
      return { kind: "named", head: named, word };
    }
    return this.#mayKeepBack(source, row) ? { kind: "kept", flag: "quota-kept-back" } : this.#fetchByTag(request, row);
  }

  #head({ source, tag }: TagRequest, row: TagRow | undefined, isStrict: boolean): Promise<ManifestHead | undefined> {
    const { clock } = this.#ports;
    // With a manifest at hand the answer need not wait for further attempts.
    const isHurried = row?.manifest !== undefined && mayServeStale(row.checkedAt, source.tags, clock.now());
    return askUpstream(clock, source, (options) => {
      const how = { ...options, isHurried, mustRevalidate: isStrict };
      return source.upstream.headManifest(source.key.name, { kind: "tag", tag }, how);
    });
  }

  #wordOf({ source }: TagRequest, said: Pick<ManifestHead, "isFromOrigin" | "parent">): Word {
    return wordOf(said, source.tags, this.#ports.clock.now());
  }

  /** Whether a pull that the upstream counts would only tell if there is something new, and it lets us have few more. */
  #mayKeepBack(source: Source, row: TagRow | undefined): boolean {
    if (!row?.manifest || !source.upstream.quota().isLow) return false;
    return mayServeStale(row.checkedAt, source.tags, this.#ports.clock.now());
  }

  /** A digest that we have already, for instance under another tag, needs no fetch: the HEAD proves it is in this repository. */
  async #recordNamed(request: TagRequest, row: TagRow | undefined, named: Named, word: Word): Promise<void> {
    const { source } = request;
    const { index, clock } = this.#ports;
    const holdForMs = this.#heldBack.noteMove(request, row, named.digest);
    const isStored = index.manifest(named.digest) !== undefined;
    if (isStored) await this.#writes.write(request, () => index.recordMember(source.key, named.digest, named.size));
    const isBelieved = isStored && !isCooling(row, named.digest, source.tags, clock.now());
    if (isBelieved) await this.#writes.move(request, named.digest, word);
    else await this.#writes.pend(request, named, word, holdForMs);
  }

  async #fetchByTag(request: TagRequest, row: TagRow | undefined): Promise<Resolution> {
    const { source, tag } = request;
    const how = { mustRevalidate: mustRevalidate(request) };
    const manifest = await this.#ports.manifests.fetch(source, { kind: "tag", tag }, how).promise;
    if (!manifest) return { kind: "absent" };
    const { digest, mediaType, bytes, isKept } = manifest;
    const word = this.#wordOf(request, manifest);
    if (isCooling(row, digest, source.tags, this.#ports.clock.now())) {
      await this.#recordNamed(request, row, { digest, mediaType, size: bytes.length }, word);
    } else if (isKept) await this.#writes.move(request, digest, word);
    return { kind: "fetched", manifest, word };
  }

  async #resolved(request: TagRequest, resolution: Resolution, isLeader: boolean): Promise<ManifestAnswer> {
    const row = this.#ports.index.tag(request.source.key, request.tag);
    if (resolution.kind === "absent") return this.#goneOrAbsent(request, row);
    this.#ports.negatives.delete(this.#key(request));
    if (resolution.kind === "kept") {
      const earlier = row && (await this.#stale(request, row, resolution.flag));
      return earlier ?? this.#refetched(request);
    }
    const { word } = resolution;
    if (resolution.kind === "named") return this.#named(request, resolution.head, word);
    const extra = this.#extra(request, word);
    if (resolution.kind === "fetched") {
      const { manifest } = resolution;
      const earlier = await this.#heldBack.cooling(request, manifest.digest);
      return earlier ?? manifestAnswer(outcomeOf(manifest, isLeader), manifest, extra);
    }
    const confirmed =
      row && (await this.#stored(row.manifest, (manifest) => manifestAnswer(hitOf(word), manifest, extra)));
    return confirmed ?? this.#refetched(request);
  }

  /** The upstream names a digest: a HEAD is answered with that, a GET fetches it by that digest and moves the tag. */
  async #named(request: TagRequest, named: Named, word: Word): Promise<ManifestAnswer> {
    const { source, tag, method } = request;
    const { manifestStore, manifests, index } = this.#ports;
    const earlier = await this.#heldBack.cooling(request, named.digest);
    if (earlier) return earlier;
    const extra = this.#extra(request, word);
    const stored = index.isMember(source.key, named.digest) ? await manifestStore.read(named.digest) : undefined;
    if (stored) {
      // Pulled by its digest while the tag was held.
      const hasMoved = index.tag(source.key, tag)?.manifest === stored.digest;
      if (!hasMoved) await this.#writes.move(request, stored.digest, word);
      return manifestAnswer(hitOf(word), stored, extra);
    }
    const keptBack = await this.#heldBack.keptBack(request, named.digest);
    if (keptBack) return keptBack;
    if (method === "HEAD") return { outcome: "uncached", bytes: undefined, ...named, ...extra };
    const { promise, isLeader } = manifests.fetch(source, { kind: "digest", digest: named.digest });
    const fetched = await waitFor(source, promise);
    if (!fetched) return this.#refetched(request);
    if (fetched.isKept) await this.#writes.move(request, named.digest, word);
    return manifestAnswer(outcomeOf(fetched, isLeader), fetched, { ...extra, hops: fetched.parent?.hops });
  }

  /** The row was confirmed but its file is gone, or a HEAD named a digest that is not there: the tag's GET decides. */
  async #refetched(request: TagRequest): Promise<ManifestAnswer> {
    const { source, tag } = request;
    const row = this.#ports.index.tag(source.key, tag);
    const resolution = await waitFor(source, this.#fetchByTag(request, row));
    if (resolution.kind !== "fetched") throw manifestUnknown(source, { kind: "tag", tag });
    const { manifest, word } = resolution;
    const earlier = await this.#heldBack.cooling(request, manifest.digest);
    return earlier ?? manifestAnswer(outcomeOf(manifest, true), manifest, this.#extra(request, word));
  }

  /** The origin said 404: believed at once for what we never had, else only when it says so again after a while. */
  async #goneOrAbsent(request: TagRequest, row: TagRow | undefined): Promise<ManifestAnswer> {
    const { source, tag } = request;
    const { index, negatives, clock } = this.#ports;
    negatives.add(this.#key(request), source.tags.absentForMs);
    if (row && isGone(row, source.tags, clock.now())) {
      await this.#writes.write(request, () => index.dropTag(source.key, tag));
      return this.#absent(request, undefined);
    }
    if (row?.manifest) await this.#writes.write(request, () => index.markTagGone(source.key, tag, clock.now()));
    return this.#absent(request, row);
  }

  async #absent(request: TagRequest, row: TagRow | undefined): Promise<ManifestAnswer> {
    const canBeStale = row?.manifest && mayServeStale(row.checkedAt, request.source.tags, this.#ports.clock.now());
    const stale = canBeStale ? await this.#stale(request, row, "upstream-gone") : undefined;
    if (stale) return stale;
    throw manifestUnknown(request.source, { kind: "tag", tag: request.tag });
  }

  async #stale(request: TagRequest, row: TagRow, reason: StaleReason): Promise<ManifestAnswer | undefined> {
    const age = ageOf(row.checkedAt, request.source.tags, this.#ports.clock.now());
    return this.#stored(row.manifest, (manifest) => manifestAnswer("stale", manifest, { age, flag: reason }));
  }

  async #stored(
    digest: Digest | undefined,
    answer: (manifest: StoredManifest) => ManifestAnswer,
  ): Promise<ManifestAnswer | undefined> {
    const manifest = digest && (await this.#ports.manifestStore.read(digest));
    return manifest && answer(manifest);
  }

  #extra({ source }: TagRequest, word: Word): Extra {
    return extraOf(word, source.tags, this.#ports.clock.now());
  }
}

/** A fresh row, taken for what a check would have said. */
function believed(row: TagRow): Resolution {
  const word = believedWord(row);
  return row.pending ? { kind: "named", head: row.pending, word } : { kind: "confirmed", word };
}

/** Digest, length and a manifest type that we know, or undefined: then only a GET tells (containerd needs all three). */
function namedBy({ digest, size, contentType }: ManifestHead): Named | undefined {
  if (digest === undefined || size === undefined || contentType === undefined || !isManifestMediaType(contentType))
    return undefined;
  return { digest, size, mediaType: contentType };
}

/** Whether caches on the way shall ask the registry: the client wants that, or they may not know yet of a push that went by them. */
function mustRevalidate({ source, mustCheck }: TagRequest): boolean {
  return mustCheck || source.mark.generation > 0;
}

/** What is stored here, and is as old as the parent says. */
function hitOf({ staleBecause }: Word): "hit" | "stale" {
  return staleBecause ? "stale" : "hit";
}

function whyNotStale(reason: StaleReason | undefined): string {
  return reason
    ? "a copy is stored, but it is older than tags.staleFor or damaged"
    : "a copy is stored, but the upstream refuses it to us";
}
