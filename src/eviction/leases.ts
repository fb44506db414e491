import type { Graph, ManifestNode } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

/**
 * Which manifests are being pulled: a manifest that was served is leased for a while, and each of its blobs that is asked
 * for renews that. Soft: leases are the last to go, and beyond half the budget they count no more, the oldest first.
 */
export class Leases {
  readonly #leaseForMs: number;
  /** In the order of their ends, the next to end first. */
  readonly #until = new Map<Digest, number>();

  constructor(graph: Graph, leaseForMs: number, now: number) {
    this.#leaseForMs = leaseForMs;
    // What a process before this one has leased; a time beyond what can have been given is of a clock that was wrong.
    for (const { digest, leasedUntil } of graph.leased(now)) {
      if (leasedUntil <= now + leaseForMs) this.#until.set(digest, leasedUntil);
    }
  }

  /** How many there are. */
  count(now: number): number {
    this.#forgetEnded(now);
    return this.#until.size;
  }

  /** Leases from now on; the end of the lease, in ms since the epoch. */
  give(digest: Digest, now: number): number {
    const until = now + this.#leaseForMs;
    this.#until.delete(digest);
    this.#until.set(digest, until);
    return until;
  }

  endOf(digest: Digest, now: number): number | undefined {
    const until = this.#until.get(digest);
    return until !== undefined && until > now ? until : undefined;
  }

  delete(digest: Digest): void {
    this.#until.delete(digest);
  }

  /**
   * The leases that count: the newest ones, as far as what they cover stays within `maxBytes`.
   * @param bytesOf - Of one manifest with its blobs.
   */
  within(maxBytes: number, now: number, bytesOf: (digest: Digest) => number): Set<Digest> {
    this.#forgetEnded(now);
    const counting = new Set<Digest>();
    let bytes = 0;
    for (const digest of [...this.#until.keys()].reverse()) {
      bytes += bytesOf(digest);
      if (bytes > maxBytes) break;
      counting.add(digest);
    }
    return counting;
  }

  /** All manifests that are leased, the oldest lease first. */
  oldestFirst(graph: Graph, now: number): ManifestNode[] {
    this.#forgetEnded(now);
    return [...this.#until.keys()].map((digest) => graph.manifest(digest)).filter((node) => node !== undefined);
  }

  #forgetEnded(now: number): void {
    for (const [digest, until] of this.#until) {
      if (until > now) return;
      this.#until.delete(digest);
    }
  }
}
