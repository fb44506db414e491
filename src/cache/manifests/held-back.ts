import type { Metadata, TagRow } from "../../metadata/index.ts";
import type { Digest, Tag } from "../../oci/index.ts";
import type { ManifestAnswer } from "../answers.ts";
import type { Clock } from "../clock.ts";
import type { CacheObserver } from "../observer.ts";
import { waitFor, type Source } from "../source.ts";
import { ageSeconds, isCooling, movedAt, ttlSeconds, type HoldReason } from "./freshness.ts";
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
   * The answer for a tag that names `digest` upstream, where that must not be served yet; undefined where it may be, or
   * where nobody has the earlier one any more.
   * @throws UpstreamError, RegistryError where the earlier one is not stored and cannot be fetched
   */
  async answer({ source, tag }: MovedTag, digest: Digest): Promise<ManifestAnswer | undefined> {
    const { index, clock } = this.#ports;
    const row = index.tag(source.key, tag);
    const flag = this.#reason(source, row, digest);
    const earlier = row?.manifest && flag && (await this.#earlier(source, row.manifest));
    if (!earlier) return undefined;
    const now = clock.now();
    const since = movedAt(row, digest, now);
    const age = { ageSeconds: ageSeconds(since, now), ttlSeconds: ttlSeconds(since, source.tags, now) };
    return manifestAnswer("stale", earlier, { age, flag });
  }

  #reason(source: Source, row: TagRow | undefined, digest: Digest): HoldReason | undefined {
    return isCooling(row, digest, source.tags, this.#ports.clock.now()) ? "cooldown" : undefined;
  }

  async #earlier(source: Source, digest: Digest): Promise<StoredManifest | undefined> {
    const stored = await this.#ports.manifestStore.read(digest);
    return stored ?? waitFor(source, this.#ports.manifests.fetch(source, { kind: "digest", digest }).promise);
  }
}
