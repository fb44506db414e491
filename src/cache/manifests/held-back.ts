import type { Metadata, TagRow } from "../../metadata/index.ts";
import type { Digest, Tag } from "../../oci/index.ts";
import type { ManifestAnswer } from "../answers.ts";
import type { Clock } from "../clock.ts";
import type { CacheObserver } from "../observer.ts";
import { waitFor, type Source } from "../source.ts";
import { ageSeconds, isCooling, mayServeStale, movedAt, ttlSeconds, type HoldReason } from "./freshness.ts";
import type { ManifestStore, StoredManifest } from "./manifest-store.ts";
import { manifestAnswer, type Manifests } from "./manifests.ts";

export interface HeldBackPorts {
  index: Metadata;
  manifests: Manifests;
  manifestStore: ManifestStore;
  clock: Clock;
  observer: CacheObserver;
}

interface MovedTag {
  source: Source;
  tag: Tag;
}

/** Tags that have moved upstream and are answered with the digest that they had before. */
export class HeldBack {
  readonly #ports: HeldBackPorts;

  constructor(ports: HeldBackPorts) {
    this.#ports = ports;
  }

  /**
   * Tells of a move that is seen for the first time.
   * @returns for how long a fetch of `digest` must not move the tag, in ms.
   */
  noteMove({ source, tag }: MovedTag, row: TagRow | undefined, digest: Digest): number {
    const { cooldownMs, cooldownMode: mode } = source.tags;
    if (row?.manifest === undefined || cooldownMs === 0) return 0;
    if (row.manifest !== digest && row.pending?.digest !== digest) {
      const { upstream, name: repository } = source.key;
      this.#ports.observer.tagCooling({ upstream, repository, tag, from: row.manifest, to: digest, mode, cooldownMs });
    }
    return mode === "enforce" ? cooldownMs : 0;
  }

  /**
   * The answer for a tag that names `digest` upstream, where that must not be believed yet; undefined where it may be, or
   * where nobody has the earlier one any more.
   * @throws UpstreamError, RegistryError where the earlier one is not stored and cannot be fetched
   */
  async cooling({ source, tag }: MovedTag, digest: Digest): Promise<ManifestAnswer | undefined> {
    const { index, clock, manifestStore, manifests } = this.#ports;
    const row = index.tag(source.key, tag);
    if (!row?.manifest || !isCooling(row, digest, source.tags, clock.now())) return undefined;
    const reference = { kind: "digest", digest: row.manifest } as const;
    const stored = await manifestStore.read(row.manifest);
    const earlier = stored ?? (await waitFor(source, manifests.fetch(source, reference).promise));
    return earlier && this.#answer(source, { row, digest, earlier, flag: "cooldown" });
  }

  /** The same where `digest` would have to be fetched and the upstream lets us fetch little more: that is for what is not stored at all. */
  async keptBack({ source, tag }: MovedTag, digest: Digest): Promise<ManifestAnswer | undefined> {
    const { index, clock, manifestStore } = this.#ports;
    const row = index.tag(source.key, tag);
    if (!row?.manifest || row.manifest === digest || !source.upstream.quota().isLow) return undefined;
    const now = clock.now();
    if (!mayServeStale(movedAt(row, digest, now), source.tags, now)) return undefined;
    const earlier = await manifestStore.read(row.manifest);
    return earlier && this.#answer(source, { row, digest, earlier, flag: "quota-kept-back" });
  }

  /** As old as the move: until then the upstream had confirmed the earlier digest. */
  #answer(
    source: Source,
    { row, digest, earlier, flag }: { row: TagRow; digest: Digest; earlier: StoredManifest; flag: HoldReason },
  ): ManifestAnswer {
    const now = this.#ports.clock.now();
    const since = movedAt(row, digest, now);
    const age = { ageSeconds: ageSeconds(since, now), ttlSeconds: ttlSeconds(since, source.tags, now) };
    return manifestAnswer("stale", earlier, { age, flag });
  }
}
