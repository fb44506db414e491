import type { Digest, Tag } from "../oci/index.ts";
import { WriteError } from "./errors.ts";
import type { Files } from "./files.ts";
import type { Graph, PinRow } from "./graph.ts";
import type {
  BlobRow,
  HeldBlob,
  Evicted,
  Listing,
  ListingKind,
  ManifestRow,
  Metadata,
  NewManifest,
  Rebuilt,
  TagRow,
  Victims,
} from "./metadata.ts";
import { indexPath } from "./open-index.ts";
import { isControl, type ControlOp, type TagMove, type WriteOp } from "./protocol.ts";
import { Reader } from "./reader.ts";
import type { RepositoryKey } from "./rows.ts";
import type { TagList } from "./tag-list.ts";
import { Touches } from "./touches.ts";
import { WriterClient } from "./writer-client.ts";

export interface MetadataOptions {
  /** The data directory; `index.db` and `index.bak` in it are ours. The caller holds its lock. */
  directory: string;
  /** Milliseconds since the epoch. */
  now?: () => number;
  observer?: MetadataObserver;
}

export interface MetadataObserver {
  /** A write is on its way to the writer. */
  writeBegun(): void;
  /** It is committed, or has failed, after `seconds`. */
  writeEnded(seconds: number): void;
  /** A tag has come to name another digest, durably. One that is seen for the first time has not moved. */
  tagMoved(repository: RepositoryKey, move: TagMove): void;
}

const unobserved: MetadataObserver = {
  writeBegun: () => undefined,
  writeEnded: () => undefined,
  tagMoved: () => undefined,
};

/**
 * Opens the reference index, or makes it where there is none.
 * @throws DataDirectoryError `newer-format`, `damaged`, or `io`.
 */
export async function openMetadata({
  directory,
  now = Date.now,
  observer = unobserved,
}: MetadataOptions): Promise<Metadata> {
  const { writer, wasStoppedCleanly, rebuilt } = await WriterClient.start(directory);
  try {
    const reader = new Reader(indexPath(directory));
    return new SqliteMetadata({ reader, writer, now, observer, wasStoppedCleanly, rebuilt });
  } catch (error) {
    await writer.end();
    throw error;
  }
}

/** What changes nothing that a list of images shows, but times of access. */
const unseen: readonly WriteOp["op"][] = ["touch", "verified", "probe", "edgesRead", "recordListing", "dropListing"];

interface Parts {
  reader: Reader;
  writer: WriterClient;
  now: () => number;
  observer: MetadataObserver;
  wasStoppedCleanly: boolean;
  rebuilt: Rebuilt | undefined;
}

class SqliteMetadata implements Metadata {
  readonly wasStoppedCleanly: boolean;
  readonly rebuilt: Rebuilt | undefined;
  readonly graph: Graph;
  readonly files: Files;
  readonly tagList: TagList;
  readonly #reader: Reader;
  readonly #writer: WriterClient;
  readonly #now: () => number;
  readonly #observer: MetadataObserver;
  readonly #touches: Touches;
  #close: Promise<void> | undefined;
  #revision = 0;

  constructor({ reader, writer, now, observer, wasStoppedCleanly, rebuilt }: Parts) {
    this.wasStoppedCleanly = wasStoppedCleanly;
    this.rebuilt = rebuilt;
    this.graph = reader.graph;
    this.files = reader.files;
    this.tagList = reader.tagList;
    this.#reader = reader;
    this.#writer = writer;
    this.#now = now;
    this.#observer = observer;
    this.#touches = new Touches((touches) => this.#observed({ op: "touch", touches }));
  }

  get storedBytes(): number {
    return this.#writer.storedBytes;
  }

  get revision(): number {
    return this.#revision;
  }

  blob(digest: Digest): BlobRow | undefined {
    return this.#reader.blob(digest);
  }

  manifest(digest: Digest): ManifestRow | undefined {
    return this.#reader.manifest(digest);
  }

  isMember(repository: RepositoryKey, digest: Digest): boolean {
    return this.#reader.isMember(repository, digest);
  }

  held(repository: RepositoryKey, digest: Digest): HeldBlob | undefined {
    return this.#reader.held(repository, digest);
  }

  isRecordedMember(repository: RepositoryKey, digest: Digest): boolean {
    return this.#reader.isRecordedMember(repository, digest);
  }

  claimedSize(repository: RepositoryKey, digest: Digest): number | undefined {
    return this.#reader.claimedSize(repository, digest);
  }

  isNamedAsBlob(digest: Digest): boolean {
    return this.#reader.isNamedAsBlob(digest);
  }

  tag(repository: RepositoryKey, tag: Tag): TagRow | undefined {
    return this.#reader.tag(repository, tag);
  }

  listing(repository: RepositoryKey, kind: ListingKind, key: string): Listing | undefined {
    return this.#reader.listing(repository, kind, key);
  }

  counts(): ReturnType<Metadata["counts"]> {
    return this.#reader.counts();
  }

  recordBlob(repository: RepositoryKey, digest: Digest, size: number): Promise<void> {
    return this.#write({ op: "recordBlob", repository, digest, size, at: this.#now() });
  }

  recordMember(repository: RepositoryKey, digest: Digest, size: number | undefined): Promise<void> {
    return this.#write({ op: "recordMember", repository, digest, size, at: this.#now() });
  }

  recordManifest(repository: RepositoryKey, manifest: NewManifest, at: number): Promise<void> {
    return this.#moveTags(repository, { op: "recordManifest", repository, manifest, at });
  }

  moveTag(repository: RepositoryKey, tag: Tag, digest: Digest, at: number): Promise<void> {
    return this.#moveTags(repository, { op: "moveTag", repository, tag, digest, at });
  }

  confirmTag(repository: RepositoryKey, tag: Tag, at: number): Promise<void> {
    return this.#write({ op: "confirmTag", repository, tag, at });
  }

  recordPending(
    repository: RepositoryKey,
    tag: Tag,
    pending: NonNullable<TagRow["pending"]>,
    at: number,
    holdForMs = 0,
  ): Promise<void> {
    return this.#write({ op: "recordPending", repository, tag, pending, at, holdForMs });
  }

  markTagGone(repository: RepositoryKey, tag: Tag, at: number): Promise<void> {
    return this.#write({ op: "markTagGone", repository, tag, at });
  }

  dropTag(repository: RepositoryKey, tag: Tag): Promise<void> {
    return this.#write({ op: "dropTag", repository, tag });
  }

  recordListing(repository: RepositoryKey, kind: ListingKind, key: string, body: string, at: number): Promise<void> {
    return this.#write({ op: "recordListing", repository, kind, key, body, at });
  }

  dropListing(repository: RepositoryKey, kind: ListingKind, key: string): Promise<void> {
    return this.#write({ op: "dropListing", repository, kind, key });
  }

  adoptManifest(manifest: NewManifest, at: number): Promise<void> {
    return this.#write({ op: "recordManifest", repository: undefined, manifest, at });
  }

  adoptBlob(digest: Digest, size: number, modifiedAt: number): Promise<void> {
    const now = this.#now();
    return this.#write({ op: "adoptBlob", digest, size, at: now, modifiedAt: Math.min(modifiedAt, now) });
  }

  adoptManifestFile(manifest: NewManifest, modifiedAt: number): Promise<void> {
    const now = this.#now();
    const { digest, size } = manifest;
    return this.#write({ op: "adoptBlob", digest, size, at: now, modifiedAt: Math.min(modifiedAt, now), manifest });
  }

  recordVerified(digests: readonly Digest[], at: number): Promise<void> {
    return this.#write({ op: "verified", digests, at });
  }

  recordEdgesRead(): Promise<void> {
    return this.#write({ op: "edgesRead" });
  }

  async evict(victims: Victims, reason: string): Promise<Evicted> {
    return (await this.#send({ op: "evict", victims, reason, at: this.#now() })) as Evicted;
  }

  recordRemoved(digests: readonly Digest[]): Promise<void> {
    return this.#write({ op: "removed", digests });
  }

  async revive(digest: Digest): Promise<boolean> {
    return (await this.#send({ op: "revive", digest, at: this.#now() })) as boolean;
  }

  holdTag(repository: RepositoryKey, tag: Tag, digest: Digest | undefined): Promise<void> {
    return this.#write({ op: "holdTag", repository, tag, digest, at: this.#now() });
  }

  putPin(pin: PinRow): Promise<void> {
    return this.#write({ op: "putPin", pin });
  }

  async dropPin(image: string): Promise<boolean> {
    return (await this.#send({ op: "dropPin", image })) as boolean;
  }

  setConfigPins(pins: readonly Omit<PinRow, "origin">[]): Promise<void> {
    return this.#write({ op: "setConfigPins", pins });
  }

  forgetFile(digest: Digest): Promise<void> {
    return this.#write({ op: "forgetFile", digest });
  }

  touch(digest: Digest, at: number, leasedUntil = 0): void {
    if (!this.#close) this.#touches.add({ digest, at, leasedUntil });
  }

  flushTouches(): Promise<void> {
    return this.#touches.flush();
  }

  async probe(): Promise<void> {
    try {
      await this.#write({ op: "probe", at: this.#now() });
    } catch (error) {
      if (!(error instanceof WriteError) || error.kind !== "io") throw error;
      await this.#send({ op: "prepareRenewal" });
      this.#reader.close();
      try {
        this.#writer.renew();
      } finally {
        this.#reader.open();
        this.#revision += 1;
      }
      await this.#write({ op: "probe", at: this.#now() });
    }
  }

  async backup(path?: string): Promise<void> {
    await this.#send({ op: "backup", ...(path !== undefined && { path }) });
  }

  close(): Promise<void> {
    this.#close ??= this.#closeAll();
    return this.#close;
  }

  async #moveTags(repository: RepositoryKey, op: WriteOp): Promise<void> {
    const moves = ((await this.#send(op)) ?? []) as TagMove[];
    for (const move of moves) this.#observer.tagMoved(repository, move);
  }

  async #write(op: WriteOp): Promise<void> {
    await this.#send(op);
  }

  #send(op: WriteOp | ControlOp): Promise<unknown> {
    if (this.#close) return closed();
    return isControl(op) ? this.#writer.send(op) : this.#observed(op);
  }

  async #observed(op: WriteOp): Promise<unknown> {
    const begunAt = performance.now();
    this.#observer.writeBegun();
    try {
      return await this.#writer.send(op);
    } finally {
      this.#observer.writeEnded((performance.now() - begunAt) / 1000);
      // Whatever became of it: a failed commit may have happened all the same.
      if (!unseen.includes(op.op)) this.#revision += 1;
    }
  }

  /** All is closed even if the copy could not be made; the writer goes last, so that it leaves no log behind. */
  async #closeAll(): Promise<void> {
    try {
      await this.#touches.flush();
      await this.#writer.send({ op: "stop" });
    } finally {
      this.#reader.close();
      await this.#writer.end();
    }
  }
}

function closed(): Promise<never> {
  return Promise.reject(new WriteError("closed", "the index is closed"));
}
