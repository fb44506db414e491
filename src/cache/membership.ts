import type { HeldBlob, Metadata } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Clock } from "./clock.ts";
import { Collapse } from "./collapse.ts";
import { durably } from "./durably.ts";
import type { CacheObserver } from "./observer.ts";
import type { RequestOptions } from "../upstream/index.ts";
import { askUpstream, sourceKey, type Source } from "./source.ts";

export interface MembershipPorts {
  index: Metadata;
  clock: Clock;
  observer: CacheObserver;
  /** Whether what a manifest names proves nothing: whoever may push a manifest may name any digest in it. */
  isStrict: boolean;
}

/**
 * Whether a repository is known to hold a digest (promise P8). What is not known is asked of the upstream, once for
 * any number of waiters, and then recorded.
 */
export class Membership {
  readonly #index: Metadata;
  readonly #clock: Clock;
  readonly #observer: CacheObserver;
  readonly #isStrict: boolean;
  readonly #proofs = new Collapse<boolean>();

  constructor({ index, clock, observer, isStrict }: MembershipPorts) {
    this.#index = index;
    this.#clock = clock;
    this.#observer = observer;
    this.#isStrict = isStrict;
  }

  isKnown(source: Source, digest: Digest): boolean {
    return this.#isStrict ? this.#index.isRecordedMember(source.key, digest) : this.#index.isMember(source.key, digest);
  }

  /** The row of a digest that the repository is known to hold. */
  held(source: Source, digest: Digest): HeldBlob | undefined {
    const held = this.#index.held(source.key, digest);
    return this.#isStrict && held?.isRecorded === false ? undefined : held;
  }

  /** @throws UpstreamError where the upstream cannot say. */
  async holdsBlob(source: Source, digest: Digest): Promise<boolean> {
    if (this.isKnown(source, digest)) return true;
    return this.#prove(sourceKey(source, `blob ${digest}`), source, digest, async (options) => {
      const proof = await source.upstream.proveBlob(source.key.name, digest, options);
      return proof.present ? { size: proof.size } : undefined;
    });
  }

  /** @throws UpstreamError where the upstream cannot say. */
  async holdsManifest(source: Source, digest: Digest): Promise<boolean> {
    if (this.isKnown(source, digest)) return true;
    return this.#prove(sourceKey(source, `manifest ${digest}`), source, digest, async (options) => {
      const reference = { kind: "digest", digest } as const;
      const head = await source.upstream.headManifest(source.key.name, reference, options);
      if (!head) return undefined;
      if (head.digest === digest) return { size: head.size };
      // HEAD is not supported there, or says nothing: only the bytes can tell.
      const body = await source.upstream.getManifest(source.key.name, reference, options);
      return body && { size: body.bytes.length };
    });
  }

  #prove(
    key: string,
    source: Source,
    digest: Digest,
    ask: (options: RequestOptions) => Promise<{ size: number | undefined } | undefined>,
  ): Promise<boolean> {
    const work = async (): Promise<boolean> => {
      const proof = await askUpstream(this.#clock, source, ask);
      if (!proof) return false;
      await durably(this.#observer, this.#index.recordMember(source.key, digest, proof.size));
      return true;
    };
    return this.#proofs.run(key, work).promise;
  }
}
