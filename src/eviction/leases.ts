import type { Graph, ManifestNode } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";

interface Lease {
  /** Milliseconds since the epoch. */
  until: number;
  /** What it covers. */
  bytes: number;
}

/**
 * Which manifests are being pulled: a manifest that was served is leased for a while, and each of its blobs that is asked
 * for renews that. Soft: leases are the last to go, and beyond half the budget they count no more, the oldest first.
 */
export class Leases {
  readonly #graph: Graph;
  readonly #leaseForMs: number;
  /** In the order of their ends, the next to end first. */
  readonly #leases = new Map<Digest, Lease>();

  constructor(graph: Graph, leaseForMs: number, now: number) {
    this.#graph = graph;
    this.#leaseForMs = leaseForMs;
    // What a process before this one has leased; a time beyond what can have been given is of a clock that was wrong.
    for (const node of graph.leased(now)) {
      const { digest, leasedUntil } = node;
      if (leasedUntil <= now + leaseForMs) this.#leases.set(digest, { until: leasedUntil, bytes: this.#bytesOf(node) });
    }
  }

  /** How many there are. */
  count(now: number): number {
    this.#forgetEnded(now);
    return this.#leases.size;
  }

  /** Leases from now on; the end of the lease, in ms since the epoch. */
  give(digest: Digest, now: number): number {
    const until = now + this.#leaseForMs;
    const bytes = this.#leases.get(digest)?.bytes ?? this.#bytesOf(this.#graph.manifest(digest));
    this.#leases.delete(digest);
    this.#leases.set(digest, { until, bytes });
    return until;
  }

  endOf(digest: Digest, now: number): number | undefined {
    const lease = this.#leases.get(digest);
    return lease && lease.until > now ? lease.until : undefined;
  }

  delete(digest: Digest): void {
    this.#leases.delete(digest);
  }

  /** The leases that count: the newest ones, as far as what they cover stays within `maxBytes`. */
  within(maxBytes: number, now: number): Set<Digest> {
    this.#forgetEnded(now);
    const counting = new Set<Digest>();
    let bytes = 0;
    for (const [digest, lease] of [...this.#leases].reverse()) {
      bytes += lease.bytes;
      if (bytes > maxBytes) break;
      counting.add(digest);
    }
    return counting;
  }

  /** All manifests that are leased, the oldest lease first. */
  *oldestFirst(now: number): Generator<ManifestNode> {
    this.#forgetEnded(now);
    for (const digest of [...this.#leases.keys()]) {
      const node = this.#graph.manifest(digest);
      if (node) yield node;
    }
  }

  /** Of a manifest with all that it names, whether it is here yet or not. */
  #bytesOf(node: ManifestNode | undefined): number {
    return node ? this.#graph.blobs(node.id).reduce((sum, { size = 0 }) => sum + size, node.size) : 0;
  }

  #forgetEnded(now: number): void {
    for (const [digest, { until }] of this.#leases) {
      if (until > now) return;
      this.#leases.delete(digest);
    }
  }
}
