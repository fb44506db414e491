import type { BlobStore } from "../blobstore/index.ts";
import { inSlices, type Evicted, type ManifestNode, type Metadata, type PinRow } from "../metadata/index.ts";
import { parseImagePattern, type Digest, type ImageName } from "../oci/index.ts";
import { createBudget, type Budget, type BudgetSettings, type RoomCause } from "./budget.ts";
import { explain } from "./explain.ts";
import { InUse } from "./in-use.ts";
import { Leases } from "./leases.ts";
import { namedUnits, type LeftUnit } from "./left-units.ts";
import { Pins } from "./pins.ts";
import { Removal } from "./removal.ts";
import { reportOf } from "./report.ts";
import type { Explanation, EvictionReport } from "./reports.ts";
import { chooseImage, chooseVictims, unneededAfter, victimsOf, type Choice, type Terms } from "./victims.ts";

/** So many manifests leave in one transaction: others wait for it. */
const maxUnitsAtOnce = 32;
const maxOrphansAtOnce = 500;
const keepEveryMs = 30_000;
/** A request for room that could not be met is not looked into again for so long. */
const refuseForMs = 5000;

export type EvictionReason = RoomCause | "watermark" | "orphan" | "operator";

export interface EvictionSettings extends BudgetSettings {
  highWatermark: number;
  lowWatermark: number;
  leaseForMs: number;
  orphanGraceMs: number;
}

/** Who is told what has left. */
export interface EvictionObserver {
  evicted(reason: EvictionReason, units: number, bytes: number): void;
  /** The same units one by one. */
  left(reason: EvictionReason, units: readonly LeftUnit[]): void;
  /** Nothing of these may be kept in memory any more. */
  doomed(digests: readonly Digest[]): void;
  failed(error: unknown): void;
}

export interface EvictionPorts {
  store: BlobStore;
  index: Metadata;
  /** Milliseconds since the epoch. */
  now: () => number;
  setTimer: (ms: number, action: () => void) => () => void;
  observer: EvictionObserver;
}

/** The image is pinned and stays until it is unpinned. */
export class ImagePinned extends Error {
  override readonly name = "ImagePinned";
  readonly pins: readonly string[];

  constructor(pins: readonly string[]) {
    super(`pinned by ${pins.join(", ")}`);
    this.pins = pins;
  }
}

/** What is kept and what goes. */
export class Eviction {
  readonly budget: Budget;
  readonly #settings: EvictionSettings;
  readonly #ports: EvictionPorts;
  readonly #inUse: InUse;
  readonly #leases: Leases;
  readonly #pins: Pins;
  readonly #removal: Removal;
  /** Manifests on their way out: the index does not know yet. */
  readonly #leaving = new Map<Digest, Promise<unknown>>();
  readonly #begun = Promise.withResolvers<undefined>();
  #isAllowed = false;
  #refused = { bytes: Number.POSITIVE_INFINITY, until: 0 };
  #work: Promise<unknown> = Promise.resolve();
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  static async create(settings: EvictionSettings, ports: EvictionPorts): Promise<Eviction> {
    const { store, index } = ports;
    const budget = await createBudget({
      maxSize: settings.maxSize,
      minFree: settings.minFree,
      // Not as the index has it on the disk: what is stored by now would still be reserved too, and be counted twice.
      storedBytes: () => index.storedBytes,
      space: () => store.space(),
      makeRoom: (bytes, cause) => eviction.#makeRoom(bytes, cause),
    });
    const eviction = new Eviction(budget, settings, ports);
    return eviction;
  }

  private constructor(budget: Budget, settings: EvictionSettings, ports: EvictionPorts) {
    const { store, index, observer, now } = ports;
    this.budget = budget;
    this.#settings = settings;
    this.#ports = ports;
    this.#inUse = new InUse((digest) => void this.#removal.idle(digest));
    this.#removal = new Removal({
      store,
      index,
      isInUse: (digest) => this.#inUse.has(digest),
      onError: (error) => observer.failed(error),
    });
    this.#leases = new Leases(index.graph, settings.leaseForMs, now());
    this.#pins = new Pins(index.graph);
  }

  get leases(): number {
    return this.#leases.count(this.#ports.now());
  }

  get pins(): number {
    return this.#pins.count;
  }

  /** From now on content may go: all edges are in the index. What was doomed before is removed. */
  begin(): void {
    if (this.#isClosed) return;
    this.#isAllowed = true;
    this.#begun.resolve(undefined);
    void this.#finishDoomed();
    this.#keepUp();
  }

  /** Ends the work in the background and waits for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#begun.resolve(undefined);
    this.#cancelTimer?.();
    await this.#work;
  }

  /** A digest is read or filled: it is not unlinked until the returned function is called. */
  hold(digest: Digest): () => void {
    return this.#inUse.hold(digest);
  }

  /** A manifest has been served: it was pulled now, and its pull is likely to go on. */
  pulled(digest: Digest): void {
    const now = this.#ports.now();
    this.#ports.index.touch(digest, now, this.#leases.give(digest, now));
  }

  /** A digest was asked for, but nothing of it was sent: it is recent, nothing more. */
  seen(digest: Digest): void {
    this.#ports.index.touch(digest, this.#ports.now());
  }

  /** A blob has been asked for: the pulls that it may belong to go on. */
  pulledBlob(digest: Digest): void {
    const { index, now } = this.#ports;
    index.touch(digest, now());
    // What more manifests than these need tells nothing of which of them is being pulled.
    const users = index.graph.users(digest, maxUnitsAtOnce + 1);
    if (users.length > maxUnitsAtOnce) return;
    for (const user of users) if (this.#leases.endOf(user.digest, now()) !== undefined) this.pulled(user.digest);
  }

  /** Resolves at once, or as soon as a manifest that is on its way out is gone. */
  async untilGone(digest: Digest): Promise<void> {
    await this.#leaving.get(digest)?.catch(() => undefined);
  }

  /** A doomed blob that is asked for comes back if its file is still there; whether it is present now. */
  revive(digest: Digest): Promise<boolean> {
    const { store, index } = this.#ports;
    return store.exclusively(digest, async () => {
      if (index.blob(digest)?.state === "doomed") await index.revive(digest);
      return index.blob(digest)?.state === "present";
    });
  }

  /** To be called after bytes have been stored: above the high watermark content goes in the background. */
  settled(): void {
    const { highWatermark } = this.#settings;
    if (this.#isAllowed && this.budget.excess(0) > (highWatermark - 1) * this.budget.maxBytes) this.#background();
  }

  /** @throws ImageNameInvalid */
  async setPin(pin: PinRow): Promise<void> {
    parseImagePattern(pin.image);
    await this.#ports.index.putPin(pin);
    this.#pins.reload();
  }

  async dropPin(image: string): Promise<boolean> {
    const isDropped = await this.#ports.index.dropPin(image);
    this.#pins.reload();
    return isDropped;
  }

  async setConfigPins(pins: readonly Omit<PinRow, "origin">[]): Promise<void> {
    await this.#ports.index.setConfigPins(pins);
    this.#pins.reload();
  }

  /** What would go to free so many bytes. */
  async plan(wantedBytes: number): Promise<EvictionReport> {
    const choice = await inSlices(chooseVictims(this.#ports.index.graph, wantedBytes, this.#terms("all")));
    return inSlices(reportOf(choice, wantedBytes, this.#ports.index.graph));
  }

  /** Frees so many bytes, or as many as there are, now. */
  async evictBytes(wantedBytes: number): Promise<EvictionReport> {
    await this.#begun.promise;
    return this.#inTurn(async () => {
      const { graph } = this.#ports.index;
      const chosenAt = this.#ports.now();
      const choice = await inSlices(chooseVictims(graph, wantedBytes, this.#terms("all")));
      const report = await inSlices(reportOf(choice, wantedBytes, graph));
      await this.#carryOut(choice, "operator", chosenAt);
      return report;
    });
  }

  /**
   * One image for good, whatever its rank; undefined where it is not stored.
   * @throws ImagePinned
   */
  async evictImage(image: ImageName, isDryRun: boolean): Promise<EvictionReport | undefined> {
    if (!isDryRun) await this.#begun.promise;
    return this.#inTurn(async () => {
      const { index } = this.#ports;
      const root = this.#rootOf(image);
      if (!root) return undefined;
      const choice = await inSlices(chooseImage(index.graph, root, { isPinned: () => false }));
      const pins = choice.units.flatMap(({ nodes }) => nodes.flatMap((node) => this.#pins.holding(node)));
      if (pins.length > 0) throw new ImagePinned([...new Set(pins)]);
      const report = await inSlices(reportOf(choice, choice.bytes, index.graph));
      if (!isDryRun) await this.#leave(choice, "operator");
      return report;
    });
  }

  /** The pins that hold a manifest, as they were written. */
  pinsOf(manifest: ManifestNode): string[] {
    return this.#pins.of(manifest);
  }

  explain(subject: ImageName | Digest): Explanation | undefined {
    const { index, now } = this.#ports;
    return explain(subject, {
      index,
      holding: (node) => this.#pins.holding(node),
      leasedUntil: (digest) => this.#leases.endOf(digest, now()),
    });
  }

  #rootOf({ upstream, repository, reference }: ImageName): ManifestNode | undefined {
    const { index } = this.#ports;
    const key = { upstream, name: repository };
    const digest = reference.kind === "digest" ? reference.digest : index.tag(key, reference.tag)?.manifest;
    const isIn = digest !== undefined && (reference.kind === "tag" || index.isMember(key, digest));
    return isIn ? index.graph.manifest(digest) : undefined;
  }

  /**
   * Makes room for a fill. What cannot be met takes nothing, and is not looked into again for a while: it takes a walk over
   * all that is stored to find out.
   */
  async #makeRoom(bytes: number, cause: RoomCause): Promise<boolean> {
    const { now, index } = this.#ports;
    if (!this.#isAllowed || this.#isClosed || (bytes >= this.#refused.bytes && now() < this.#refused.until))
      return false;
    return this.#inTurn(async () => {
      const chosenAt = now();
      const choice = await inSlices(chooseVictims(index.graph, bytes, this.#terms("all")));
      const isMade = choice.bytes >= bytes && (await this.#carryOut(choice, cause, chosenAt)) > 0;
      if (!isMade) this.#refused = { bytes, until: now() + refuseForMs };
      return isMade;
    });
  }

  /** Above the high watermark down to the low one; and what the file system lacks for `minFree`. */
  #background(): void {
    if (this.#isClosed) return;
    void this.#inTurn(async () => {
      try {
        await this.#evictOrphans();
        await this.#evictIdle(await this.#excess());
      } catch (error) {
        this.#ports.observer.failed(error);
      }
    });
  }

  async #excess(): Promise<{ bytes: number; reason: EvictionReason }> {
    const { highWatermark, lowWatermark } = this.#settings;
    const { maxBytes, minFreeBytes } = this.budget;
    const above = (share: number): number => this.budget.excess((1 - share) * maxBytes);
    if (above(highWatermark) > 0) return { bytes: above(lowWatermark), reason: "watermark" };
    const { availableBytes } = await this.#ports.store.space();
    return { bytes: minFreeBytes - availableBytes, reason: "min-free" };
  }

  async #evictOrphans(): Promise<void> {
    const { index, now } = this.#ports;
    const before = now() - this.#settings.orphanGraceMs;
    let page = index.graph.orphans(before, maxOrphansAtOnce);
    while (page.length > 0 && !this.#isClosed) {
      await this.#leave({ units: [], orphans: page.filter(({ digest }) => !this.#inUse.has(digest)) }, "orphan");
      page = index.graph.orphans(before, maxOrphansAtOnce, page.at(-1));
    }
  }

  async #evictIdle({ bytes, reason }: { bytes: number; reason: EvictionReason }): Promise<void> {
    const { index, now } = this.#ports;
    if (bytes <= 0) return;
    const chosenAt = now();
    const choice = await inSlices(chooseVictims(index.graph, bytes, this.#terms("idle")));
    await this.#carryOut(choice, reason, chosenAt);
  }

  /** A part at a time, so that no transaction is long; what has come into use meanwhile stays. Resolves to the bytes that went. */
  async #carryOut(choice: Choice, reason: EvictionReason, chosenAt: number): Promise<number> {
    let bytes = 0;
    for (let from = 0; from < choice.orphans.length && !this.#isClosed; from += maxOrphansAtOnce) {
      const orphans = choice.orphans.slice(from, from + maxOrphansAtOnce);
      bytes += await this.#leave(
        { units: [], orphans: orphans.filter(({ digest }) => !this.#inUse.has(digest)) },
        reason,
      );
    }
    for (let from = 0; from < choice.units.length && !this.#isClosed; from += maxUnitsAtOnce) {
      const units = choice.units
        .slice(from, from + maxUnitsAtOnce)
        .filter(({ nodes }) => !nodes.some((node) => this.#isWanted(node, chosenAt)))
        .filter((unit) => !unneededAfter(unit, choice.removedUses).some(({ digest }) => this.#inUse.has(digest)));
      bytes += await this.#leave({ orphans: [], units }, reason);
    }
    return bytes;
  }

  /** Whether a victim has been pulled or pinned since it was chosen. */
  #isWanted(node: ManifestNode, chosenAt: number): boolean {
    const leasedUntil = this.#leases.endOf(node.digest, this.#ports.now()) ?? 0;
    return leasedUntil > chosenAt + this.#settings.leaseForMs || this.#pins.holding(node).length > 0;
  }

  /** Out of the index first, in one transaction; then the files. Resolves to the bytes of those that went. */
  async #leave(choice: Pick<Choice, "units" | "orphans">, reason: EvictionReason): Promise<number> {
    const { index, observer } = this.#ports;
    const victims = victimsOf(choice);
    if (victims.manifests.length + victims.orphans.length === 0) return 0;
    const leftUnits = namedUnits(choice, index.graph);
    const evicting = index.evict(victims, reason);
    for (const digest of victims.manifests) {
      this.#leases.delete(digest);
      this.#leaving.set(digest, evicting);
    }
    let evicted: Evicted;
    try {
      evicted = await evicting;
    } finally {
      for (const digest of victims.manifests) this.#leaving.delete(digest);
    }
    const digests = evicted.doomed.map(({ digest }) => digest);
    observer.doomed(digests);
    observer.evicted(
      reason,
      choice.units.length + choice.orphans.length,
      evicted.doomed.reduce((sum, { size }) => sum + size, 0),
    );
    observer.left(reason, leftUnits(evicted));
    await this.#removal.remove(digests);
    const gone = evicted.doomed.filter(({ digest }) => !this.#removal.waiting.has(digest));
    return gone.reduce((sum, { size }) => sum + size, 0);
  }

  /** What an earlier process did not come to unlink. */
  async #finishDoomed(): Promise<void> {
    const { index } = this.#ports;
    await this.#inTurn(async () => {
      await this.#removal.remove(index.files.doomed(100_000));
    });
  }

  #terms(scope: "all" | "idle"): Terms {
    const at = this.#ports.now();
    const counting = this.#leases.within(this.budget.maxBytes / 2, at);
    return {
      orphansBefore: at - this.#settings.orphanGraceMs,
      isPinned: (node) => this.#pins.holding(node).length > 0,
      isLeased: ({ digest }) => counting.has(digest),
      isInUse: (digest) => this.#inUse.has(digest),
      lastResort: () => (scope === "all" ? this.#leases.oldestFirst(at) : []),
      takesFreshOrphans: scope === "all",
    };
  }

  #keepUp(): void {
    this.#cancelTimer = this.#ports.setTimer(keepEveryMs, () => {
      void this.#removal.retry();
      this.#background();
      this.#keepUp();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => undefined);
    return result;
  }
}
