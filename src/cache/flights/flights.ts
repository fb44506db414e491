import { LRUCache } from "lru-cache";
import { BudgetExceeded, type Budget, type Reservation } from "../../eviction/index.ts";
import type { Digest, RepositoryName } from "../../oci/index.ts";
import type { Clock } from "../clock.ts";
import { Cancelled, Flight, type FlightPorts, type FlightRequest } from "./flight.ts";
import type { CacheObserver } from "../observer.ts";

/** How long a broken fill is remembered for clients that come back with a Range. */
const failureMemoryMs = 60_000;
const maxUnreadFills = 4;
const keepsFillingBelowBytes = 16 * 1024 * 1024;

export interface AbandonedPolicy {
  /** How long a fill that nobody reads goes on before it is stopped. */
  lingerMs: number;
  /** How long the part of a stopped fill is kept. */
  keepForMs: number;
}

/** What flights need; how room is made is theirs. */
export type FlightsPorts = Omit<FlightPorts, "reserve"> & { budget: Pick<Budget, "reserve"> };

interface Entry {
  flight: Flight;
  readers: number;
  isRunning: boolean;
  ended: Promise<void>;
  cancelTimer: (() => void) | undefined;
}

/** A fill that runs, as it is at one moment. */
export interface Fill {
  digest: Digest;
  /** Through which it is fetched. */
  upstream: string;
  repository: RepositoryName;
  /** In the part. */
  bytes: number;
  /** Undefined as long as nobody has said. */
  totalBytes: number | undefined;
  readers: number;
  /** Ms since the epoch. */
  startedAt: number;
}

/** A reader's place in a flight; `leave` gives it back, once. */
export interface Seat {
  flight: Flight;
  /** Whether this request started the run. */
  isLeader: boolean;
  /** Resolves when the run has ended and the table knows. */
  ended: Promise<void>;
  leave(): void;
}

/** The running and the kept fills, one per upstream and digest, and the policy for those that nobody waits for. */
export class Flights {
  readonly #entries = new Map<string, Entry>();
  readonly #detached = new Set<Entry>();
  readonly #mismatchUntil = new LRUCache<string, number>({ max: 1000 });
  readonly #ports: FlightPorts;
  readonly #observer: CacheObserver;
  readonly #abandoned: AbandonedPolicy;
  readonly #clock: Clock;

  constructor(ports: FlightsPorts, abandoned: AbandonedPolicy) {
    this.#ports = { ...ports, reserve: (bytes) => this.#reserve(ports.budget, bytes) };
    this.#observer = ports.observer;
    this.#abandoned = abandoned;
    this.#clock = ports.clock;
  }

  get running(): number {
    return [...this.#entries.values()].filter((entry) => entry.isRunning).length;
  }

  /** Readers beside the one that each flight would have anyway. */
  get followers(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + Math.max(0, entry.readers - 1), 0);
  }

  /** The running fills, in the order in which they were asked for first. */
  list(): Fill[] {
    const running = [...this.#entries.values()].filter((entry) => entry.isRunning);
    return running.map(({ flight, readers }) => ({ ...fillOf(flight), readers }));
  }

  get(upstream: string, digest: Digest): Flight | undefined {
    return this.#entries.get(keyOf(upstream, digest))?.flight;
  }

  /** Whether the last fill of this digest brought wrong bytes, within the last minute. */
  hasMismatched(upstream: string, digest: Digest): boolean {
    return (this.#mismatchUntil.get(keyOf(upstream, digest)) ?? 0) > this.#clock.now();
  }

  /** A seat in the running flight, or in one that starts (or goes on) now. */
  join(request: FlightRequest): Seat {
    const key = keyOf(request.source.key.upstream, request.digest);
    const existing = this.#joinable(key);
    const entry = existing ?? this.#createEntry(request.digest);
    this.#entries.set(key, entry);
    entry.readers += 1;
    entry.flight.seated.add(request);
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    const isStopping = entry.isRunning && entry.flight.run.controller.signal.aborted;
    const isLeader = (!entry.isRunning && entry.flight.phase !== "detached") || isStopping;
    if (isLeader) entry.ended = this.#run(key, entry, request);
    let isSeated = true;
    const leave = (): void => {
      if (!isSeated) return;
      isSeated = false;
      entry.flight.seated.delete(request);
      entry.readers -= 1;
      if (entry.readers === 0) this.#abandon(key, entry);
    };
    return { flight: entry.flight, isLeader, ended: entry.ended, leave };
  }

  /** Stops all fills and removes their parts. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values(), ...this.#detached];
    this.#entries.clear();
    this.#detached.clear();
    await Promise.all(
      entries.map(({ flight, cancelTimer }) => {
        cancelTimer?.();
        return flight.close();
      }),
    );
  }

  #createEntry(digest: Digest): Entry {
    const flight = new Flight(digest, this.#ports);
    return { flight, readers: 0, isRunning: false, ended: Promise.resolve(), cancelTimer: undefined };
  }

  async #run(key: string, entry: Entry, request: FlightRequest): Promise<void> {
    const { flight } = entry;
    entry.isRunning = true;
    const ended = flight.start(request);
    const { run } = flight;
    await ended;
    if (run.error?.kind === "digest-mismatch") this.#mismatchUntil.set(key, this.#clock.now() + failureMemoryMs);
    if (flight.run !== run) return;
    entry.isRunning = false;
    if (flight.phase === "paused") {
      const wasGivenUp = run.controller.signal.reason instanceof Cancelled;
      this.#keep(key, entry, wasGivenUp ? this.#abandoned.keepForMs : failureMemoryMs);
      return;
    }
    // What its readers share can be joined as long as there are any.
    if (flight.phase === "detached" && entry.readers > 0) return;
    this.#retire(key, entry);
  }

  /** The entry to join; one that can store nothing and is past its beginning is left to its readers. */
  #joinable(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.flight.phase !== "detached" || entry.isRunning || entry.flight.isFollowable) return entry;
    this.#retire(key, entry);
    return undefined;
  }

  /** The last reader has left: fill on, or stop after a while and keep the part. */
  #abandon(key: string, entry: Entry): void {
    const { flight } = entry;
    if (this.#detached.has(entry)) {
      this.#detached.delete(entry);
      this.#close(flight);
      return;
    }
    if (flight.phase === "detached" && !entry.isRunning) {
      this.#retire(key, entry);
      return;
    }
    if (!entry.isRunning || this.#mayGoOn(flight)) return;
    entry.cancelTimer = this.#clock.setTimer(this.#abandoned.lingerMs, () => {
      if (!this.#mayGoOn(flight)) flight.run.controller.abort(new Cancelled("abandoned"));
    });
  }

  /** Whether a fill that nobody reads may go on: it is worth it, and there are not many of its kind. */
  #mayGoOn(flight: Flight): boolean {
    const unread = [...this.#entries.values()].filter((other) => other.isRunning && other.readers === 0).length;
    return unread <= maxUnreadFills && isWorthFinishing(flight);
  }

  async #reserve(budget: FlightsPorts["budget"], bytes: number): Promise<Reservation> {
    const reservation = await this.#making((how) => budget.reserve(bytes, how));
    return { ...reservation, extendTo: (wanted) => this.#making((how) => reservation.extendTo(wanted, how)) };
  }

  /** `take`, with room made for it: parts that are only kept in case somebody comes back go before any image. */
  async #making<T>(take: (how: "evict" | "free") => Promise<T>): Promise<T> {
    for (;;) {
      const kept = [...this.#entries].find(([, { isRunning, flight }]) => !isRunning && flight.phase === "paused");
      try {
        return await take(kept ? "free" : "evict");
      } catch (error) {
        if (!(error instanceof BudgetExceeded) || !kept) throw error;
        const [key, entry] = kept;
        this.#retire(key, entry);
        await entry.flight.close();
      }
    }
  }

  #close(flight: Flight): void {
    flight.close().catch(() => this.#observer.uncached("io"));
  }

  /** The part stays for a while, for a reader that comes back. */
  #keep(key: string, entry: Entry, forMs: number): void {
    entry.cancelTimer?.();
    entry.cancelTimer = this.#clock.setTimer(forMs, () => this.#retire(key, entry));
  }

  /** The flight leaves the table; its file is closed when the last reader has left it. */
  #retire(key: string, entry: Entry): void {
    entry.cancelTimer?.();
    this.#entries.delete(key);
    if (entry.readers > 0) this.#detached.add(entry);
    else this.#close(entry.flight);
  }
}

function fillOf({ digest, written, size, startedAt, run }: Flight): Omit<Fill, "readers"> {
  const { upstream, name } = run.request.source.key;
  return { digest, upstream, repository: name, bytes: written, totalBytes: size, startedAt };
}

function keyOf(upstream: string, digest: Digest): string {
  return `${upstream} ${digest}`;
}

function isWorthFinishing(flight: Flight): boolean {
  if (flight.phase === "verified") return true;
  if (flight.size === undefined) return false;
  return flight.size < keepsFillingBelowBytes || flight.written >= flight.size / 2;
}
