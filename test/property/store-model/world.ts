import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { blobPath } from "../../../src/blobstore/index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import type { InstanceProcess, InstanceProcesses } from "../../support/instance-process.ts";
import { pull } from "../../support/pull.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { pushCatalog, type Catalog } from "./catalog.ts";
import { changeFaults, settledFaults, type StoreMetrics } from "./invariants.ts";
import { isReleased, neededBy, protectedBy, type PinPlan, type Protected } from "./pins.ts";
import { isHere, takeSnapshot, type Snapshot } from "./snapshot.ts";

const settleWithinMs = 10_000;

/** Not the defaults where these would make a step slow; a budget that a handful of images fill. */
const settings = {
  storage: { maxSize: "5MiB", minFree: "1MiB" },
  memory: { maxHotBlob: "100KiB" },
  tags: { absentFor: "1ms" },
  limits: { attempts: 1 },
};

export interface StepOptions {
  isStandstill?: boolean;
  mayOrphan?: boolean;
}

/** An instance, its upstream, and what is known of both. */
export class World {
  readonly upstream: TestUpstream;
  readonly catalog: Catalog;
  readonly directory: string;
  /** Every digest that the upstream has named for a tag. */
  readonly named = new Map<string, Set<string>>();
  readonly pins = new Map<string, PinPlan>();
  readonly tampered = new Map<string, "flipped" | "gone">();
  isUpstreamUp = true;
  steps = 0;
  instance: InstanceProcess;
  /** As it was when the last step had settled. */
  snapshot: Snapshot;
  #protected: Protected[] = [];
  #skippedMs = 0;
  readonly #processes: InstanceProcesses;

  private constructor(
    upstream: TestUpstream,
    directory: string,
    { processes, instance }: { processes: InstanceProcesses; instance: InstanceProcess },
  ) {
    this.upstream = upstream;
    this.directory = directory;
    this.#processes = processes;
    this.instance = instance;
    this.catalog = pushCatalog(upstream);
    for (const { repository, tag } of this.catalog.tags) this.noteTag(repository, tag);
    this.snapshot = takeSnapshot(this.dataDirectory);
  }

  static async open(processes: InstanceProcesses): Promise<World> {
    const upstream = await startUpstream({});
    const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const directory = await mkdtemp(join(root, "entrepot-model-"));
    const instance = await processes.start({ directory, settings: settingsFor(upstream) });
    const world = new World(upstream, directory, { processes, instance });
    await world.step("start", () => Promise.resolve());
    await world.step("every tag is pulled", async () => {
      for (const { repository, tag } of world.catalog.tags) await pull(instance, repository, tag);
    });
    return world;
  }

  get dataDirectory(): string {
    return join(this.directory, "data");
  }

  async close(): Promise<void> {
    // Its upstream is closed behind it, so that a last fill can end; a step that failed may have left it in any state.
    await this.instance.stop().catch(() => this.instance.kill());
    await this.upstream.close();
    await rm(this.directory, { recursive: true });
  }

  /** What the upstream names for a tag now. */
  upstreamDigest(repository: string, tag: string): string | undefined {
    return this.upstream.content.find(repository)?.tags.get(tag);
  }

  noteTag(repository: string, tag: string): void {
    const key = `${repository}:${tag}`;
    const digest = this.upstreamDigest(repository, tag);
    const digests = this.named.get(key) ?? new Set();
    if (digest !== undefined) digests.add(digest);
    this.named.set(key, digests);
  }

  /** Its port stays taken: another process that asks for any port must not be given this one. */
  setUpstream(isUp: boolean): void {
    const registry = this.upstream.site("registry");
    registry.onConnect = isUp ? "accept" : "reset";
    registry.dropConnections();
    this.isUpstreamUp = isUp;
  }

  /** kill -9, and a start on what that has left. */
  async crash(): Promise<void> {
    await this.instance.kill();
    await this.#start();
  }

  /** Time goes by, for the instance and for those after it. */
  async skip(ms: number): Promise<void> {
    this.#skippedMs += ms;
    await this.instance.skip(ms);
  }

  async restart(): Promise<void> {
    await this.instance.stop();
    await this.#start();
  }

  /** Spoils a stored file behind the back of the instance. */
  tamper(digest: string, how: "flipped" | "gone", spoil: (path: string) => void): void {
    spoil(this.fileOf(digest));
    this.tampered.set(digest, how);
  }

  fileOf(digest: string): string {
    return blobPath(this.dataDirectory, digest as Digest);
  }

  /** Does something, waits until nothing goes on any more, and looks at what has become of the store. Throws what is wrong. */
  async step(words: string, action: () => Promise<void>, options: StepOptions = {}): Promise<void> {
    this.steps += 1;
    const before = this.snapshot;
    this.#protected = this.#protected.concat(protectedBy(this.pins.values(), before));
    const errors: string[] = [];
    await action();
    const after = await this.#settled(words);
    errors.push(...(await this.instance.errors()).filter((line) => !this.#isExpected(line)));
    const { pins, tampered } = this;
    const change = { before, after, pins, tampered, protectedBefore: this.#protected };
    errors.push(...changeFaults({ ...change, isStandstill: false, mayOrphan: false, ...options }));
    if (errors.length > 0) throw new Error(`${words}: ${errors.join("\n")}`);
    this.#protected = this.#protected.filter((entry) => !this.#isOver(entry, after));
    this.snapshot = after;
    this.#forgetHealed();
  }

  async #start(): Promise<void> {
    const { directory, upstream } = this;
    const skippedMs = this.#skippedMs;
    this.instance = await this.#processes.start({ directory, settings: settingsFor(upstream), skippedMs });
  }

  #isOver(entry: Protected, after: Snapshot): boolean {
    const isSpoilt = neededBy(entry, after).some((digest) => this.tampered.has(digest));
    return isSpoilt || isReleased(entry, this.pins, after);
  }

  #isExpected(line: string): boolean {
    return line.includes("does not have its digest any more") && this.tampered.size > 0;
  }

  /** The snapshot of a moment in which nothing goes on. */
  async #settled(words: string): Promise<Snapshot> {
    const until = performance.now() + settleWithinMs;
    for (;;) {
      const { isBusy, ...metrics } = await this.#metrics();
      const snapshot = isBusy ? undefined : takeSnapshot(this.dataDirectory);
      const faults = snapshot ? settledFaults(snapshot, metrics, this.tampered) : ["fills or reconciling go on"];
      if (snapshot && faults.length === 0) return snapshot;
      if (performance.now() > until) throw new Error(`${words}, ${settleWithinMs} ms later: ${faults.join("\n")}`);
      await pause(isBusy ? 30 : 10);
    }
  }

  async #metrics(): Promise<StoreMetrics & { isBusy: boolean }> {
    const text = await (await fetch(`${this.instance.adminUrl}/metrics`)).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
    return {
      isBusy: value("entrepot_flights") > 0 || value("entrepot_reconcile_ratio") < 1,
      storeBytes: value("entrepot_store_bytes"),
      maxBytes: value("entrepot_store_max_bytes"),
      reservedBytes: value("entrepot_store_reserved_bytes"),
      isPassthrough: value("entrepot_store_passthrough") !== 0,
      refusedWrites: value('entrepot_uncached_passes_total\\{reason="database"\\}'),
    };
  }

  #forgetHealed(): void {
    for (const [digest, how] of this.tampered) {
      const isLooked = isHere(this.snapshot, digest);
      const isStill = how === "gone" ? !this.snapshot.files.has(digest) : !this.#isRight(digest);
      if (!isLooked || !isStill) this.tampered.delete(digest);
    }
  }

  #isRight(digest: string): boolean {
    const path = this.fileOf(digest);
    return !existsSync(path) || `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}` === digest;
  }
}

function settingsFor({ url }: TestUpstream): Record<string, unknown> {
  return { ...settings, upstreams: { "docker.io": { endpoints: [url] } } };
}
