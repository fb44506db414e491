import { truncate, writeFile } from "node:fs/promises";
import { expect, onTestFinished } from "vitest";
import { blobPath, listShelf, openBlobStore, shelves, type BlobStore } from "../../../src/blobstore/index.ts";
import { BudgetExceeded, Eviction, type EvictionReport, type Reservation } from "../../../src/eviction/index.ts";
import { openMetadata, type Metadata, type RepositoryKey } from "../../../src/metadata/index.ts";
import { parsePlatform, type Digest, type ManifestEdge, type Tag } from "../../../src/oci/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { storeWith } from "../cache/store-with.ts";
import { alpine, digestFor } from "../metadata/fixtures.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

export const MiB = 1024 * 1024;
export const minute = 60_000;
export const hour = 60 * minute;
/** Of every manifest and index. */
export const documentBytes = 1000;
export const leaseForMs = 15 * minute;
export const orphanGraceMs = 60 * minute;

export interface WorldOptions {
  maxBytes?: number;
  minFreeBytes?: number;
  /** Of the file system. */
  diskBytes?: number;
  graceMs?: number;
  withStore?: (store: BlobStore) => BlobStore;
  withIndex?: (index: Metadata) => Metadata;
}

export interface ImageOptions {
  /** Bytes of each layer, by name. One that is here already is shared. */
  layers?: Record<string, number>;
  /** One of the layers, named as the config too. */
  config?: string;
  /** Layers that have not been fetched. */
  lacks?: readonly string[];
  subject?: string;
  tag?: string;
  repository?: RepositoryKey;
}

export interface IndexOptions {
  /** Platform of each child, by name; undefined where the index says none. */
  children: Record<string, string | undefined>;
  subject?: string;
  tag?: string;
  repository?: RepositoryKey;
}

/** An eviction that waits behind its transaction, as long as the gate is shut; files go afterwards. */
export class Gate {
  readonly #reached = Promise.withResolvers<undefined>();
  #opened = Promise.withResolvers<undefined>();

  constructor({ isShut = true } = {}) {
    if (!isShut) this.open();
  }

  get options(): WorldOptions {
    const withIndex = (index: Metadata): Metadata => {
      const evict = index.evict.bind(index);
      index.evict = async (victims, reason) => {
        const evicted = await evict(victims, reason);
        this.#reached.resolve(undefined);
        await this.#opened.promise;
        return evicted;
      };
      return index;
    };
    return { withIndex };
  }

  /** Resolves when something waits at the gate for the first time, or has gone through. */
  get isReached(): Promise<undefined> {
    return this.#reached.promise;
  }

  open(): void {
    this.#opened.resolve(undefined);
  }

  shut(): void {
    this.#opened = Promise.withResolvers<undefined>();
  }
}

function asItIs<T>(value: T): T {
  return value;
}

interface Parts {
  directory: string;
  store: BlobStore;
  index: Metadata;
  clock: ManualClock;
}

/** Eviction over a real index and a real store, whose contents go by names. The files have their sizes, and no bytes. */
export class World {
  readonly store: BlobStore;
  readonly index: Metadata;
  readonly clock: ManualClock;
  readonly directory: string;
  /** Bytes of the file system that are not ours. */
  otherBytes = 0;
  readonly evictions: { reason: string; units: number; bytes: number }[] = [];
  readonly doomed: string[] = [];
  readonly failures: unknown[] = [];
  eviction!: Eviction;
  readonly #options: WorldOptions;
  readonly #names = new Map<Digest, string>();
  #begun: Eviction | undefined;

  static async open(options: WorldOptions = {}): Promise<World> {
    const { withStore = asItIs, withIndex = asItIs } = options;
    const directory = await temporaryDirectory();
    const clock = new ManualClock();
    const disk = await openBlobStore({ directory, bootId: "test" });
    const plain = await openMetadata({ directory, now: () => clock.now() });
    const diskBytes = options.diskBytes ?? 1e12;
    const space = (): ReturnType<BlobStore["space"]> => {
      const availableBytes = diskBytes - world.otherBytes - plain.counts().storedBytes;
      return Promise.resolve({ availableBytes, totalBytes: diskBytes });
    };
    const store = withStore(storeWith(disk, { space }));
    const world: World = new World({ directory, store, index: withIndex(plain), clock }, options);
    onTestFinished(() => world.close());
    await world.restart();
    return world;
  }

  private constructor({ directory, store, index, clock }: Parts, options: WorldOptions) {
    this.directory = directory;
    this.store = store;
    this.index = index;
    this.clock = clock;
    this.#options = options;
  }

  async close(): Promise<void> {
    await this.eviction.close();
    await this.index.close();
    await this.store.close();
  }

  /** Another process takes over index and store. */
  async restart(): Promise<void> {
    const { store, index, clock } = this;
    const { maxBytes = 1000 * MiB, minFreeBytes = 0, graceMs = orphanGraceMs } = this.#options;
    this.eviction = await Eviction.create(
      {
        maxSize: { kind: "bytes", bytes: maxBytes },
        minFree: { kind: "bytes", bytes: minFreeBytes },
        ...{ highWatermark: 0.95, lowWatermark: 0.9, leaseForMs, orphanGraceMs: graceMs },
      },
      {
        ...{ store, index, now: () => clock.now(), setTimer: (ms, action) => clock.setTimer(ms, action) },
        observer: {
          evicted: (reason, units, bytes) => this.evictions.push({ reason, units, bytes }),
          left: () => undefined,
          doomed: (digests) => this.doomed.push(...digests.map((digest) => this.nameOf(digest))),
          failed: (error) => this.failures.push(error),
        },
      },
    );
  }

  /** From now on content may go. */
  begin(): void {
    if (this.#begun === this.eviction) return;
    this.#begun = this.eviction;
    this.eviction.begin();
  }

  digest(name: string): Digest {
    const digest = digestFor(name);
    this.#names.set(digest, name);
    return digest;
  }

  nameOf(digest: Digest): string {
    return this.#names.get(digest) ?? digest;
  }

  /** A blob that no manifest names yet. */
  async putBlob(name: string, bytes: number, repository = alpine): Promise<void> {
    const digest = this.digest(name);
    await this.#putFile(digest, bytes);
    await this.index.recordBlob(repository, digest, bytes);
  }

  /** An image, pulled now; what is put next is put a minute later. */
  async putImage(name: string, options: ImageOptions = {}): Promise<void> {
    const { layers = { [`layer of ${name}`]: 2 * MiB }, lacks = [], config, subject, ...rest } = options;
    if (name in layers) throw new Error(`${name} would be its own layer`);
    const edges: ManifestEdge[] = [];
    if (config !== undefined) edges.push({ role: "config", digest: this.digest(config), size: layers[config] ?? 0 });
    for (const [layer, size] of Object.entries(layers)) {
      const digest = this.digest(layer);
      edges.push({ role: "layer", digest, size });
      if (!lacks.includes(layer) && this.index.blob(digest)?.state !== "present") await this.putBlob(layer, size);
    }
    if (subject !== undefined) edges.push({ role: "subject", digest: this.digest(subject), size: documentBytes });
    await this.#putManifest(name, "image", { edges, ...rest });
  }

  /** An index, pulled now; what is put next is put a minute later. */
  async putIndex(name: string, { children, subject, ...rest }: IndexOptions): Promise<void> {
    const edges = Object.entries(children).map(([child, text]): ManifestEdge => {
      const platform = text === undefined ? undefined : parsePlatform(text);
      const edge = { role: "child" as const, digest: this.digest(child), size: documentBytes };
      return platform === undefined ? edge : { ...edge, platform };
    });
    if (subject !== undefined) edges.push({ role: "subject", digest: this.digest(subject), size: documentBytes });
    await this.#putManifest(name, "index", { edges, ...rest });
  }

  /** A client pulls these manifests now, one by one. */
  async pull(...names: string[]): Promise<void> {
    for (const name of names) this.eviction.pulled(this.digest(name));
    await this.index.flushTouches();
  }

  async tag(tag: string, name: string, repository = alpine): Promise<void> {
    await this.index.moveTag(repository, tag as Tag, this.digest(name), this.clock.now());
  }

  pin(image: string, platforms?: string[]): Promise<void> {
    return this.eviction.setPin({ image, origin: "api", platforms });
  }

  /** Frees so many bytes, or as many as there are. */
  evict(bytes: number): Promise<EvictionReport> {
    this.begin();
    return this.eviction.evictBytes(bytes);
  }

  /** Resolves when the work in the background has ended. */
  async idle(): Promise<void> {
    await this.eviction.evictBytes(0);
  }

  victims({ victims }: EvictionReport): string[] {
    return victims.map(({ digest }) => this.nameOf(digest));
  }

  /** Undefined where the budget says no. */
  async reserve(bytes: number): Promise<Reservation | undefined> {
    return this.eviction.budget.reserve(bytes).catch((error: unknown) => {
      if (error instanceof BudgetExceeded) return undefined;
      throw error;
    });
  }

  get storedBytes(): number {
    return this.index.counts().storedBytes;
  }

  /** Names of all that is stored, sorted; what waits to be unlinked is marked. Index and disk must agree. */
  here(): string[] {
    const files = shelves.flatMap((shelf) => listShelf(this.directory, shelf)).map(({ digest }) => digest);
    const rows = [...this.#names].flatMap(([digest, name]) => {
      const state = this.index.blob(digest)?.state;
      if (state !== "present" && state !== "doomed") return [];
      return [{ digest, text: state === "doomed" ? `${name} (doomed)` : name }];
    });
    expect(new Set(files), "files").toEqual(new Set(rows.map(({ digest }) => digest)));
    return rows.map(({ text }) => text).sort();
  }

  async #putManifest(
    name: string,
    kind: "image" | "index",
    { edges, tag, repository = alpine }: { edges: ManifestEdge[]; tag?: string; repository?: RepositoryKey },
  ): Promise<void> {
    const digest = this.digest(name);
    const row = { digest, size: documentBytes, mediaType: `type/${kind}`, kind, edges };
    await this.#putFile(digest, documentBytes);
    await this.index.recordManifest(repository, row, this.clock.now());
    if (tag !== undefined) await this.tag(tag, name, repository);
    this.clock.advance(minute);
  }

  async #putFile(digest: Digest, bytes: number): Promise<void> {
    const path = blobPath(this.directory, digest);
    await writeFile(path, "");
    await truncate(path, bytes);
  }
}
