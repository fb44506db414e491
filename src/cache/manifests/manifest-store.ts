import type { BlobStore } from "../../blobstore/index.ts";
import type { Budget, Reservation } from "../../eviction/index.ts";
import type { Metadata } from "../../metadata/index.ts";
import {
  contentTypeAgrees,
  digestAlgorithm,
  digestOf,
  maxDescriptors,
  ManifestInvalid,
  parseManifest,
  RegistryError,
  type Digest,
  type ManifestFacts,
} from "../../oci/index.ts";
import { UpstreamError, type ManifestBody } from "../../upstream/index.ts";
import type { Clock } from "../clock.ts";
import { uncachedReason, type CacheObserver } from "../observer.ts";
import type { Keeping } from "../keeping.ts";
import type { Memory } from "../memory.ts";
import type { Source } from "../source.ts";
import type { StoredBlobs } from "../blobs/stored-blobs.ts";

export interface StoredManifest {
  digest: Digest;
  mediaType: string;
  bytes: Buffer;
}

export interface ManifestStorePorts {
  store: BlobStore;
  index: Metadata;
  eviction: Keeping;
  budget: Pick<Budget, "reserve">;
  memory: Memory;
  clock: Clock;
  observer: CacheObserver;
  stored: StoredBlobs;
}

/** Manifests on disk and in memory: what comes out has been verified, what goes in is verified first. */
export class ManifestStore {
  readonly #ports: ManifestStorePorts;

  constructor(ports: ManifestStorePorts) {
    this.#ports = ports;
  }

  /** The manifest from memory or disk; undefined where it is not stored. */
  async read(digest: Digest): Promise<StoredManifest | undefined> {
    await this.#ports.eviction.untilGone(digest);
    await this.#ports.stored.adopt(digest);
    const row = this.#ports.index.manifest(digest);
    const bytes = row && (await this.#ports.stored.read(digest));
    return bytes && { digest, mediaType: row.mediaType, bytes };
  }

  /**
   * Checks what an upstream sent and keeps it.
   * @param expected - The digest asked for; undefined for a tag, where the upstream's own digest header is checked.
   * @returns the manifest and whether it could be kept.
   * @throws UpstreamError for wrong bytes or nonsense, RegistryError for schema 1.
   */
  async accept(
    source: Source,
    body: ManifestBody,
    expected: Digest | undefined,
  ): Promise<StoredManifest & { isKept: boolean }> {
    const digest = this.#verify(source, body, expected ?? body.digest);
    const facts = this.#parse(source, body);
    const manifest = { digest, mediaType: facts.mediaType, bytes: body.bytes };
    return { ...manifest, isKept: await this.#keep(source, manifest, facts) };
  }

  #verify(source: Source, body: ManifestBody, expected: Digest | undefined): Digest {
    const digest = digestOf(body.bytes, expected ? digestAlgorithm(expected) : "sha256");
    if (expected === undefined || digest === expected) return digest;
    this.#ports.observer.verifyFailed(source.key.upstream);
    throw new UpstreamError("bad-response", `the manifest's digest is ${digest}, not ${expected}`, {
      upstream: source.key.upstream,
    });
  }

  #parse(source: Source, body: ManifestBody): ManifestFacts {
    const { upstream, name } = source.key;
    try {
      const facts = parseManifest(body.bytes);
      if (contentTypeAgrees(body.contentType, facts.mediaType)) return facts;
      throw new ManifestInvalid(`sent as ${String(body.contentType)}, but it is ${facts.mediaType}`);
    } catch (error) {
      if (!(error instanceof ManifestInvalid)) throw error;
      if (error.isSchema1) {
        throw new RegistryError("MANIFEST_UNKNOWN", `${upstream}/${name} is ${error.message}`, {
          detail: { upstream, reason: "schema-1" },
        });
      }
      throw new UpstreamError("bad-response", `not a manifest: ${error.message}`, { upstream });
    }
  }

  async #keep(source: Source, manifest: StoredManifest, facts: ManifestFacts): Promise<boolean> {
    const { store, index, eviction, memory, clock, observer } = this.#ports;
    const { digest, mediaType, bytes } = manifest;
    const edges = facts.edges.length > maxDescriptors ? [] : facts.edges;
    const row = { digest, size: bytes.length, mediaType, kind: facts.kind, edges };
    try {
      const reservation = await this.#reserved(digest, bytes.length);
      try {
        await store.exclusively(digest, async () => {
          if (index.blob(digest)?.state !== "present") await this.#write(digest, bytes);
          await index.recordManifest(source.key, row, clock.now());
        });
      } finally {
        reservation?.release();
      }
      // Leased before room is looked for: nothing of it is here yet, so it would seem to be of no use to anybody.
      eviction.pulled(digest);
      eviction.settled();
    } catch (error) {
      // Whatever the disk or the database says, the bytes are right and the pull goes on (promise P5).
      observer.uncached(uncachedReason(error) ?? "database");
      return false;
    }
    memory.set(digest, bytes);
    return true;
  }

  /** Before the lock is taken: making room waits for the locks of what goes. */
  async #reserved(digest: Digest, bytes: number): Promise<Reservation | undefined> {
    const { index, budget } = this.#ports;
    return index.blob(digest)?.state === "present" ? undefined : budget.reserve(bytes);
  }

  async #write(digest: Digest, bytes: Buffer): Promise<void> {
    const staging = await this.#ports.store.stage();
    try {
      await staging.append(bytes);
      await staging.commit(digest);
    } finally {
      await staging.close();
    }
  }
}
