import { digestOf, isDigest, type Digest, type DigestAlgorithm } from "../../src/oci/index.ts";
import { digestOfPayload, toPayload, type Payload } from "./payload.ts";

export interface StoredManifest {
  digest: Digest;
  bytes: Buffer;
  mediaType: string;
}

export interface Repository {
  readonly blobs: Map<string, Payload>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, Digest>;
  /** The referrers tag schema; visible only where the upstream has no referrers API. */
  readonly referrersTags: Map<string, Digest>;
}

export interface BlobOptions {
  algorithm?: DigestAlgorithm;
  /** Stores the bytes under this digest, whatever they hash to: a hostile upstream. */
  as?: Digest;
}

/** What the upstream holds. Membership is real: a blob exists only in the repositories it was pushed to. */
export class Repositories {
  readonly #repositories = new Map<string, Repository>();

  find(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  pushBlob(name: string, content: string | Uint8Array | Payload, options: BlobOptions = {}): Digest {
    const payload = toPayload(content);
    const digest = options.as ?? digestOfPayload(payload, options.algorithm);
    this.#open(name).blobs.set(digest, payload);
    return digest;
  }

  /**
   * Stores a manifest, byte for byte where bytes are given, and tags it where `reference` is a tag.
   * A digest as `reference` is believed, even where it is wrong; undefined stores by digest alone.
   */
  pushManifest(
    name: string,
    reference: string | undefined,
    content: object | string | Uint8Array,
    mediaType: string,
  ): StoredManifest {
    const bytes = toBytes(content);
    const digest = reference !== undefined && isDigest(reference) ? reference : digestOf(bytes);
    const manifest: StoredManifest = { digest, bytes, mediaType };
    this.#open(name).manifests.set(digest, manifest);
    if (reference !== undefined && !isDigest(reference)) this.tag(name, reference, digest);
    return manifest;
  }

  tag(name: string, tag: string, digest: Digest): void {
    this.#open(name).tags.set(tag, digest);
  }

  referrersTag(name: string, tag: string, digest: Digest): void {
    this.#open(name).referrersTags.set(tag, digest);
  }

  removeTag(name: string, tag: string): void {
    this.find(name)?.tags.delete(tag);
  }

  removeManifest(name: string, digest: Digest): void {
    this.find(name)?.manifests.delete(digest);
  }

  removeBlob(name: string, digest: Digest): void {
    this.find(name)?.blobs.delete(digest);
  }

  removeRepository(name: string): void {
    this.#repositories.delete(name);
  }

  #open(name: string): Repository {
    const known = this.#repositories.get(name);
    if (known) return known;
    const repository: Repository = {
      blobs: new Map(),
      manifests: new Map(),
      tags: new Map(),
      referrersTags: new Map(),
    };
    this.#repositories.set(name, repository);
    return repository;
  }
}

function toBytes(content: object | string | Uint8Array): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  return content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(JSON.stringify(content));
}
