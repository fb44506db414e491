import type { Metadata } from "../../metadata/index.ts";
import { isManifestMediaType, RegistryError, type Digest, type Reference } from "../../oci/index.ts";
import type { ManifestBody } from "../../upstream/index.ts";
import type { Age, ManifestAnswer } from "../answers.ts";
import type { Clock } from "../clock.ts";
import { Collapse } from "../collapse.ts";
import { ageSeconds } from "./freshness.ts";
import type { Keeping } from "../keeping.ts";
import type { ManifestStore, StoredManifest } from "./manifest-store.ts";
import type { Membership } from "../membership.ts";
import type { Negatives } from "../negatives.ts";
import { askUpstream, clientError, manifestKey, waitFor, type Source } from "../source.ts";

export interface ManifestPorts {
  index: Metadata;
  eviction: Keeping;
  store: ManifestStore;
  membership: Membership;
  negatives: Negatives;
  clock: Clock;
}

export type FetchedManifest = StoredManifest & { isKept: boolean } & Pick<ManifestBody, "isFromOrigin" | "parent">;

/** Manifests by digest: immutable, so what is stored and belongs to the repository is served without asking. */
export class Manifests {
  readonly #ports: ManifestPorts;
  readonly #fetches = new Collapse<FetchedManifest | undefined>();

  constructor(ports: ManifestPorts) {
    this.#ports = ports;
  }

  async answer(source: Source, digest: Digest, method: "GET" | "HEAD"): Promise<ManifestAnswer> {
    const reference: Reference = { kind: "digest", digest };
    const { index, eviction } = this.#ports;
    const stored = await this.#stored(source, digest);
    const fetchedAt = index.manifest(digest)?.fetchedAt;
    if (stored && fetchedAt !== undefined) {
      if (method === "GET") eviction.pulled(digest);
      else eviction.seen(digest);
      return manifestAnswer("hit", stored, { age: this.#age(fetchedAt) });
    }
    if (this.#ports.negatives.has(manifestKey(source, reference))) throw manifestUnknown(source, reference);
    const head = method === "HEAD" ? await this.#head(source, reference) : undefined;
    if (head) return head;
    const fetched = await this.#fetchedAnswer(source, reference);
    eviction.pulled(digest);
    return fetched;
  }

  /**
   * The manifest from the upstream, verified and kept, once for any number of waiters; undefined where the origin does
   * not have it.
   * @param how.mustRevalidate - Whether caches on the way shall ask the registry.
   * @throws UpstreamError, RegistryError
   */
  fetch(
    source: Source,
    reference: Reference,
    { mustRevalidate = false }: { mustRevalidate?: boolean } = {},
  ): { promise: Promise<FetchedManifest | undefined>; isLeader: boolean } {
    if (source.isSparing && source.upstream.quota().isLow) {
      return { promise: Promise.reject(keptBack(source)), isLeader: false };
    }
    const key = manifestKey(source, reference);
    return this.#fetches.run(mustRevalidate ? `${key} no-cache` : key, async () => {
      const { clock, store } = this.#ports;
      const body = await askUpstream(clock, source, (options) =>
        source.upstream.getManifest(source.key.name, reference, { ...options, mustRevalidate }),
      );
      if (!body) return undefined;
      const expected = reference.kind === "digest" ? reference.digest : undefined;
      const { isFromOrigin, parent } = body;
      return { ...(await store.accept(source, body, expected)), isFromOrigin, parent };
    });
  }

  /** The stored manifest, if the repository holds it; what is stored for another repository is proven first. */
  async #stored(source: Source, digest: Digest): Promise<StoredManifest | undefined> {
    const { membership, negatives, store } = this.#ports;
    const manifest = await store.read(digest);
    if (!manifest) return undefined;
    const reference: Reference = { kind: "digest", digest };
    if (!membership.isKnown(source, digest) && negatives.has(manifestKey(source, reference))) {
      throw manifestUnknown(source, reference);
    }
    const holds = await waitFor(source, membership.holdsManifest(source, digest)).catch((error: unknown) => {
      throw clientError(error, "a copy is stored, but this repository is not known to hold it");
    });
    if (!holds) throw this.#absent(source, reference);
    return manifest;
  }

  async #fetchedAnswer(source: Source, reference: Reference): Promise<ManifestAnswer> {
    const { promise, isLeader } = this.fetch(source, reference);
    const fetched = await waitFor(source, promise).catch((error: unknown) => {
      throw clientError(error);
    });
    if (!fetched) {
      throw this.#absent(source, reference);
    }
    const age = this.#age(this.#ports.clock.now());
    return manifestAnswer(outcomeOf(fetched, isLeader), fetched, { age, hops: fetched.parent?.hops });
  }

  /** Remembers the absence for a few seconds; the error to throw. */
  #absent(source: Source, reference: Reference): RegistryError {
    this.#ports.negatives.add(manifestKey(source, reference), source.tags.absentForMs);
    return manifestUnknown(source, reference);
  }

  #age(fetchedAt: number): Age {
    return { ageSeconds: ageSeconds(fetchedAt, this.#ports.clock.now()), ttlSeconds: undefined };
  }

  /** The upstream's own HEAD, where it says all that a client needs; it does not count as a pull (Docker Hub). */
  async #head(source: Source, reference: Extract<Reference, { kind: "digest" }>): Promise<ManifestAnswer | undefined> {
    const { digest } = reference;
    const asked = askUpstream(this.#ports.clock, source, (options) =>
      source.upstream.headManifest(source.key.name, reference, options),
    );
    const head = await waitFor(source, asked).catch((error: unknown) => {
      throw clientError(error);
    });
    if (!head) {
      throw this.#absent(source, reference);
    }
    const { size, contentType } = head;
    if (head.digest !== digest || size === undefined || !contentType || !isManifestMediaType(contentType))
      return undefined;
    return {
      outcome: "uncached",
      digest,
      size,
      mediaType: contentType,
      bytes: undefined,
      age: undefined,
      flag: undefined,
      hops: head.parent?.hops,
    };
  }
}

export function manifestAnswer(
  outcome: ManifestAnswer["outcome"],
  manifest: StoredManifest,
  extra: Partial<Pick<ManifestAnswer, "age" | "flag" | "hops">> = {},
): ManifestAnswer {
  const { digest, mediaType, bytes } = manifest;
  return { outcome, digest, mediaType, bytes, size: bytes.length, age: undefined, flag: undefined, ...extra };
}

export function outcomeOf(fetched: FetchedManifest, isLeader: boolean): "filled" | "collapsed" | "uncached" {
  if (!fetched.isKept) return "uncached";
  return isLeader ? "filled" : "collapsed";
}

function keptBack(source: Source): RegistryError {
  const { upstream } = source.key;
  const { limit, remaining, limitedUntil } = source.upstream.quota();
  const left = limitedUntil === undefined ? `${remaining ?? 0} of ${limit ?? 0} pulls are left` : "it limits us now";
  const words = `${upstream} allows few more pulls, and these are kept for what clients ask for: ${left}`;
  return new RegistryError("TOOMANYREQUESTS", words, { detail: { upstream, limit, remaining } });
}

export function manifestUnknown(source: Source, reference: Reference): RegistryError {
  const { upstream, name } = source.key;
  const detail = reference.kind === "tag" ? { tag: reference.tag } : { digest: reference.digest };
  return new RegistryError("MANIFEST_UNKNOWN", `${upstream}/${name} has no such manifest`, {
    detail: { upstream, repository: name, ...detail },
  });
}
