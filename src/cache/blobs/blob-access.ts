import type { Metadata } from "../../metadata/index.ts";
import { RegistryError, type Digest } from "../../oci/index.ts";
import type { Clock } from "../clock.ts";
import type { Membership } from "../membership.ts";
import type { Negatives } from "../negatives.ts";
import { askUpstream, clientError, sourceKey, waitFor, type Source } from "../source.ts";

export interface BlobAccessPorts {
  index: Metadata;
  membership: Membership;
  negatives: Negatives;
  clock: Clock;
}

/** Whether a repository may be asked for a blob, before anything of it is served. */
export class BlobAccess {
  readonly #ports: BlobAccessPorts;

  constructor(ports: BlobAccessPorts) {
    this.#ports = ports;
  }

  /** containerd falls back to `/blobs/` for a manifest and then trusts the type it is given. */
  refuseManifest(source: Source, digest: Digest): void {
    const { index } = this.#ports;
    if (index.manifest(digest) && !index.isNamedAsBlob(digest)) throw blobUnknown(source, digest);
  }

  /** @throws RegistryError BLOB_UNKNOWN where the upstream said so a moment ago. */
  refuseAbsent(source: Source, digest: Digest): void {
    if (this.#ports.negatives.has(absenceKey(source, digest))) throw blobUnknown(source, digest);
  }

  /**
   * Returns when the repository is known to hold the blob.
   * @param cached - What `detail` says of a stored copy where the upstream cannot tell.
   */
  async require(source: Source, digest: Digest, cached?: string): Promise<void> {
    const { membership } = this.#ports;
    if (membership.isKnown(source, digest)) return;
    this.refuseAbsent(source, digest);
    const holds = await waitFor(source, membership.holdsBlob(source, digest)).catch((error: unknown) => {
      throw clientError(error, cached);
    });
    if (!holds) throw this.absent(source, digest);
  }

  /** The size that the upstream states; a proof of membership too. */
  async askSize(source: Source, digest: Digest): Promise<number> {
    await this.require(source, digest);
    const size = this.#ports.index.blob(digest)?.size ?? (await this.#sizeOfPart(source, digest));
    if (size !== undefined) return size;
    throw new RegistryError("BAD_UPSTREAM", `${source.key.upstream} does not say how long the blob is`);
  }

  /** Remembers the absence for a few seconds; the error to throw. */
  absent(source: Source, digest: Digest): RegistryError {
    this.#ports.negatives.add(absenceKey(source, digest), source.tags.absentForMs);
    return blobUnknown(source, digest);
  }

  /** A HEAD need not tell the length; the answer to a request for one byte does. */
  async #sizeOfPart(source: Source, digest: Digest): Promise<number | undefined> {
    const controller = new AbortController();
    const asked = askUpstream(this.#ports.clock, source, (options) => {
      const signal = AbortSignal.any([options.signal, controller.signal]);
      return source.upstream.openBlob(source.key.name, digest, { from: 0, to: 0 }, { ...options, signal });
    });
    const body = await waitFor(source, asked).catch((error: unknown) => {
      throw clientError(error);
    });
    controller.abort();
    return body?.size;
  }
}

function absenceKey(source: Source, digest: Digest): string {
  return sourceKey(source, `blob ${digest}`);
}

function blobUnknown(source: Source, digest: Digest): RegistryError {
  const { upstream, name } = source.key;
  return new RegistryError("BLOB_UNKNOWN", `${upstream}/${name} has no such blob`, {
    detail: { upstream, repository: name, digest },
  });
}
