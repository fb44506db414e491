import type { Access } from "../access/index.ts";
import type { Cache, Target } from "../cache/index.ts";
import type { Metadata } from "../metadata/index.ts";
import { parseManifest, RegistryError, type Digest, type ImageName, type Reference } from "../oci/index.ts";
import type { Tally } from "./items.ts";
import { chooseChildren, type WantedPlatforms } from "./platforms.ts";

/** So many blobs of one image are fetched at once, as containerd does. */
const blobsAtOnce = 3;
/** An index may name indexes; deeper than this nobody follows. */
const maxDepth = 4;

export interface WarmPorts {
  cache: Pick<Cache, "manifest" | "prefetch">;
  access: Pick<Access, "refuseRepository" | "refuseDigest">;
  index: Pick<Metadata, "tag" | "graph">;
}

export interface ImageToWarm {
  name: ImageName;
  platforms: WantedPlatforms;
  tally: Tally;
  signal: AbortSignal;
}

/**
 * Fetches what is missing of one image, as a client that pulls it would, with the leases of a pull.
 * @throws RegistryError, PlatformMissing; the reason of the signal
 */
export async function warmImage(image: ImageToWarm, ports: WarmPorts): Promise<void> {
  const { upstream, repository, reference } = image.name;
  ports.access.refuseRepository(upstream, repository);
  const pull = new Pull(image, ports);
  await pull.manifest(reference, maxDepth);
  await pull.blobs();
}

class Pull {
  readonly #image: ImageToWarm;
  readonly #ports: WarmPorts;
  readonly #seen = new Set<Digest>();
  readonly #blobs = new Map<Digest, number>();
  /** Platforms of the tag that are here before anything is asked. */
  readonly #here: string[];

  constructor(image: ImageToWarm, ports: WarmPorts) {
    this.#image = image;
    this.#ports = ports;
    this.#here = platformsHere(image.name, ports.index);
  }

  async manifest(reference: Reference, depth: number): Promise<void> {
    const { platforms, tally, signal } = this.#image;
    const answer = await untilAborted(
      signal,
      this.#ports.cache.manifest(this.#target(), reference, { method: "GET", mustCheck: false }),
    );
    const { digest, bytes, size, outcome, flag } = answer;
    this.#ports.access.refuseDigest(digest);
    if (flag === "quota-kept-back") throw new RegistryError("TOOMANYREQUESTS", movedWords);
    if (outcome === "uncached" || !bytes) throw new RegistryError("UNAVAILABLE", "a manifest cannot be stored");
    const isFetched = outcome === "filled";
    const counted = isFetched ? { fetchedBlobs: 1, fetchedBytes: size } : { presentBlobs: 1 };
    tally.add({ blobs: 1, totalBlobs: 1, bytes: size, totalBytes: size, ...counted });
    const { kind, edges } = parseManifest(bytes);
    if (kind === "image") {
      this.#note(edges.filter(({ role }) => role !== "subject"));
      return;
    }
    const children = edges.filter(({ role }) => role === "child");
    for (const child of depth > 1 ? chooseChildren(children, platforms, this.#here) : []) {
      if (this.#seen.has(child.digest)) continue;
      this.#seen.add(child.digest);
      await this.manifest({ kind: "digest", digest: child.digest }, depth - 1);
    }
  }

  /** A few at a time. After a failure those that run come to their end, and no other is begun. */
  async blobs(): Promise<void> {
    const left = [...this.#blobs].values();
    let isEnding = false;
    const takeAll = async (): Promise<void> => {
      try {
        for (const [digest, claimed] of left) {
          await this.#blob(digest, claimed);
          if (isEnding) return;
        }
      } finally {
        isEnding = true;
      }
    };
    const workers = Array.from({ length: blobsAtOnce }, takeAll);
    await Promise.allSettled(workers);
    await Promise.all(workers);
  }

  #note(edges: readonly { digest: Digest; size: number }[]): void {
    for (const { digest, size } of edges) {
      if (this.#blobs.has(digest)) continue;
      this.#ports.access.refuseDigest(digest);
      this.#blobs.set(digest, size);
      this.#image.tally.add({ totalBlobs: 1, totalBytes: size });
    }
  }

  /** A manifest's claim of a size holds until the blob is here. */
  async #blob(digest: Digest, claimed: number): Promise<void> {
    const { tally, signal } = this.#image;
    let told = 0;
    const onBytes = (bytes: number): void => {
      tally.add({ bytes: bytes - told });
      told = bytes;
    };
    try {
      const { size, fetchedBytes } = await this.#ports.cache.prefetch(this.#target(), digest, { signal, onBytes });
      onBytes(size);
      const counted = fetchedBytes === undefined ? { presentBlobs: 1 } : { fetchedBlobs: 1, fetchedBytes };
      tally.add({ blobs: 1, totalBytes: size - claimed, ...counted });
    } catch (error) {
      // A part is not here in the sense in which a blob is.
      onBytes(0);
      throw error;
    }
  }

  #target(): Target {
    const { upstream, repository } = this.#image.name;
    return { upstream, repository, trace: { upstreamMs: 0 }, isSparing: true };
  }
}

const movedWords =
  "the tag has moved, and the upstream allows few more pulls, which are kept for what is not stored at all";

function platformsHere({ upstream, repository, reference }: ImageName, index: WarmPorts["index"]): string[] {
  const digest =
    reference.kind === "digest" ? reference.digest : index.tag({ upstream, name: repository }, reference.tag)?.manifest;
  const node = digest && index.graph.manifest(digest);
  const named = node?.kind === "index" ? index.graph.named(node.id) : [];
  return named.flatMap(({ platform, isHere }) => (isHere && platform !== undefined ? [platform] : []));
}

/** `promise`, unless the signal is aborted first; the promise goes on by itself. */
async function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
