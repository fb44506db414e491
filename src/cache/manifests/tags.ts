import type { Metadata, TagRow } from "../../metadata/index.ts";
import { isManifestMediaType, type Digest, type Tag } from "../../oci/index.ts";
import type { ManifestHead } from "../../upstream/index.ts";
import type { Age, ManifestAnswer } from "../answers.ts";
import { within, type Clock } from "../clock.ts";
import { Collapse } from "../collapse.ts";
import { durably } from "../durably.ts";
import type { CacheObserver } from "../observer.ts";
import {
  ageSeconds,
  isCooling,
  isFresh,
  isGone,
  mayServeStale,
  staleReason,
  ttlSeconds,
  type StaleReason,
} from "./freshness.ts";
import { HeldBack } from "./held-back.ts";
import type { Keeping } from "../keeping.ts";
import type { ManifestStore, StoredManifest } from "./manifest-store.ts";
import { manifestAnswer, manifestUnknown, outcomeOf, type FetchedManifest, type Manifests } from "./manifests.ts";
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
  | { kind: "confirmed"; isFromOrigin: boolean }
  | { kind: "named"; head: Named; isFromOrigin: boolean }
  | { kind: "fetched"; manifest: FetchedManifest }
  /** The upstream's HEAD does not tell, and the quota is low. */
  | { kind: "kept-back" }
  | { kind: "absent" };

type Named = NonNullable<TagRow["pending"]>;

/** Tags: believed for a while, then checked with a HEAD; moved only to a manifest that has been fetched and verified. */
export class Tags {
  readonly #ports: TagPorts;
  readonly #heldBack: HeldBack;
  readonly #checks = new Collapse<Resolution>();

  constructor(ports: TagPorts) {
    this.#ports = ports;
    this.#heldBack = new HeldBack(ports);
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
      const { promise, isLeader } = this.#checks.run(this.#key(request), () => this.#check(request, row));
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
    const { promise, isLeader } = this.#checks.run(this.#key(request), () => this.#check(request, row));
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
    const age = this.#age(request, row.checkedAt);
    return this.#stored(row.held, (manifest) => manifestAnswer("hit", manifest, { age, flag: "rolled-back" }));
  }

  /** Writes what a request has found out, unless a push has made it old meanwhile. */
  async #write({ source }: TagRequest, write: () => Promise<void>): Promise<boolean> {
    return source.mark.isCurrent() && durably(this.#ports.observer, write());
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

  async #check(request: TagRequest, row: TagRow | undefined): Promise<Resolution> {
    const { source, tag, method } = request;
    const { index, clock } = this.#ports;
    if (!row && method === "GET") return this.#fetchByTag(request, row);
    // With a manifest at hand the answer need not wait for further attempts.
    const isHurried = row?.manifest !== undefined && mayServeStale(row.checkedAt, source.tags, clock.now());
    const head = await askUpstream(clock, source, (options) =>
      source.upstream.headManifest(source.key.name, { kind: "tag", tag }, { ...options, isHurried }),
    );
    if (!head) return { kind: "absent" };
    if (row && head.digest !== undefined && head.digest === row.manifest) {
      // A digest that was named in between, and never fetched, is forgotten with this.
      const { digest } = head;
      await this.#write(request, () =>
        row.pending
          ? index.moveTag(source.key, tag, digest, clock.now())
          : index.confirmTag(source.key, tag, clock.now()),
      );
      return { kind: "confirmed", isFromOrigin: head.isFromOrigin };
    }
    const named = namedBy(head);
    if (!named) return this.#mayKeepBack(source, row) ? { kind: "kept-back" } : this.#fetchByTag(request, row);
    await this.#recordNamed(request, row, named);
    return { kind: "named", head: named, isFromOrigin: head.isFromOrigin };
  }

  /** Whether a pull that the upstream counts would only tell if there is something new, and it lets us have few more. */
  #mayKeepBack(source: Source, row: TagRow | undefined): boolean {
    if (!row?.manifest || !source.upstream.quota().isLow) return false;
    return mayServeStale(row.checkedAt, source.tags, this.#ports.clock.now());
  }

  /** A digest that we have already, for instance under another tag, needs no fetch: the HEAD proves it is in this repository. */
  async #recordNamed(request: TagRequest, row: TagRow | undefined, named: Named): Promise<void> {
    const { source, tag } = request;
    const { index, clock } = this.#ports;
    const holdForMs = this.#heldBack.noteMove(request, row, named.digest);
    const isStored = index.manifest(named.digest) !== undefined;
    if (isStored) await this.#write(request, () => index.recordMember(source.key, named.digest, named.size));
    if (isStored && !isCooling(row, named.digest, source.tags, clock.now())) {
      await this.#moveTag(request, named.digest);
    } else {
      await this.#write(request, () => index.recordPending(source.key, tag, named, clock.now(), holdForMs));
    }
  }

  async #moveTag(request: TagRequest, digest: Digest): Promise<void> {
    const { index, clock } = this.#ports;
    await this.#write(request, () => index.moveTag(request.source.key, request.tag, digest, clock.now()));
  }

  async #fetchByTag(request: TagRequest, row: TagRow | undefined): Promise<Resolution> {
    const { source, tag } = request;
    const manifest = await this.#ports.manifests.fetch(source, { kind: "tag", tag }).promise;
    if (!manifest) return { kind: "absent" };
    const { digest, mediaType, bytes, isKept } = manifest;
    if (isCooling(row, digest, source.tags, this.#ports.clock.now())) {
      await this.#recordNamed(request, row, { digest, mediaType, size: bytes.length });
    } else if (isKept) await this.#moveTag(request, digest);
    return { kind: "fetched", manifest };
  }

  async #resolved(request: TagRequest, resolution: Resolution, isLeader: boolean): Promise<ManifestAnswer> {
    const row = this.#ports.index.tag(request.source.key, request.tag);
    if (resolution.kind === "absent") return this.#goneOrAbsent(request, row);
    this.#ports.negatives.delete(this.#key(request));
    const age = this.#age(request, row?.checkedAt ?? this.#ports.clock.now());
    if (resolution.kind === "fetched") {
      const { manifest } = resolution;
      const earlier = await this.#heldBack.cooling(request, manifest.digest);
      const extra = { age, flag: mirrorFlag(manifest.isFromOrigin) };
      return earlier ?? manifestAnswer(outcomeOf(manifest, isLeader), manifest, extra);
    }
    if (resolution.kind === "kept-back") {
      const earlier = row && (await this.#stale(request, row, "quota-kept-back"));
      return earlier ?? this.#refetched(request, { age, flag: undefined });
    }
    const flag = mirrorFlag(resolution.isFromOrigin);
    if (resolution.kind === "named") return this.#named(request, resolution.head, { age, flag });
    const confirmed =
      row && (await this.#stored(row.manifest, (manifest) => manifestAnswer("hit", manifest, { age, flag })));
    return confirmed ?? this.#refetched(request, { age, flag });
  }

  /** The upstream names a digest: a HEAD is answered with that, a GET fetches it by that digest and moves the tag. */
  async #named(
    request: TagRequest,
    named: Named,
    extra: Pick<ManifestAnswer, "age" | "flag">,
  ): Promise<ManifestAnswer> {
    const { source, tag, method } = request;
    const { manifestStore, manifests, index } = this.#ports;
    const earlier = await this.#heldBack.cooling(request, named.digest);
    if (earlier) return earlier;
    const stored = index.isMember(source.key, named.digest) ? await manifestStore.read(named.digest) : undefined;
    if (stored) {
      // Pulled by its digest while the tag was held.
      if (index.tag(source.key, tag)?.manifest !== stored.digest) await this.#moveTag(request, stored.digest);
      return manifestAnswer("hit", stored, extra);
    }
    const keptBack = await this.#heldBack.keptBack(request, named.digest);
    if (keptBack) return keptBack;
    if (method === "HEAD") return { outcome: "uncached", bytes: undefined, ...named, ...extra };
    const { promise, isLeader } = manifests.fetch(source, { kind: "digest", digest: named.digest });
    const fetched = await waitFor(source, promise);
    if (!fetched) return this.#refetched(request, extra);
    if (fetched.isKept) await this.#moveTag(request, named.digest);
    return manifestAnswer(outcomeOf(fetched, isLeader), fetched, extra);
  }

  /** The row was confirmed but its file is gone, or a HEAD named a digest that is not there: the tag's GET decides. */
  async #refetched(request: TagRequest, extra: Pick<ManifestAnswer, "age" | "flag">): Promise<ManifestAnswer> {
    const { source, tag } = request;
    const row = this.#ports.index.tag(source.key, tag);
    const resolution = await waitFor(source, this.#fetchByTag(request, row));
    if (resolution.kind !== "fetched") throw manifestUnknown(source, { kind: "tag", tag });
    const { manifest } = resolution;
    const earlier = await this.#heldBack.cooling(request, manifest.digest);
    return earlier ?? manifestAnswer(outcomeOf(manifest, true), manifest, extra);
  }

  /** The origin said 404: believed at once for what we never had, else only when it says so again after a while. */
  async #goneOrAbsent(request: TagRequest, row: TagRow | undefined): Promise<ManifestAnswer> {
    const { source, tag } = request;
    const { index, negatives, clock } = this.#ports;
    negatives.add(this.#key(request), source.tags.absentForMs);
    if (row && isGone(row, source.tags, clock.now())) {
      await this.#write(request, () => index.dropTag(source.key, tag));
      return this.#absent(request, undefined);
    }
    if (row?.manifest) await this.#write(request, () => index.markTagGone(source.key, tag, clock.now()));
    return this.#absent(request, row);
  }

  async #absent(request: TagRequest, row: TagRow | undefined): Promise<ManifestAnswer> {
    const canBeStale = row?.manifest && mayServeStale(row.checkedAt, request.source.tags, this.#ports.clock.now());
    const stale = canBeStale ? await this.#stale(request, row, "upstream-gone") : undefined;
    if (stale) return stale;
    throw manifestUnknown(request.source, { kind: "tag", tag: request.tag });
  }

  async #stale(request: TagRequest, row: TagRow, reason: StaleReason): Promise<ManifestAnswer | undefined> {
    const age = this.#age(request, row.checkedAt);
    return this.#stored(row.manifest, (manifest) => manifestAnswer("stale", manifest, { age, flag: reason }));
  }

  async #stored(
    digest: Digest | undefined,
    answer: (manifest: StoredManifest) => ManifestAnswer,
  ): Promise<ManifestAnswer | undefined> {
    const manifest = digest && (await this.#ports.manifestStore.read(digest));
    return manifest && answer(manifest);
  }

  #age({ source }: TagRequest, checkedAt: number): Age {
    const now = this.#ports.clock.now();
    return { ageSeconds: ageSeconds(checkedAt, now), ttlSeconds: ttlSeconds(checkedAt, source.tags, now) };
  }
}

/** A fresh row, taken for what a check would have said. */
function believed(row: TagRow): Resolution {
  if (row.pending) return { kind: "named", head: row.pending, isFromOrigin: true };
  return { kind: "confirmed", isFromOrigin: true };
}

/** Digest, length and a manifest type that we know, or undefined: then only a GET tells (containerd needs all three). */
function namedBy({ digest, size, contentType }: ManifestHead): Named | undefined {
  if (digest === undefined || size === undefined || contentType === undefined || !isManifestMediaType(contentType))
    return undefined;
  return { digest, size, mediaType: contentType };
}

function mirrorFlag(isFromOrigin: boolean): "from-mirror" | undefined {
  return isFromOrigin ? undefined : "from-mirror";
}

function whyNotStale(reason: StaleReason | undefined): string {
  return reason
    ? "a copy is stored, but it is older than tags.staleFor or damaged"
    : "a copy is stored, but the upstream refuses it to us";
}
